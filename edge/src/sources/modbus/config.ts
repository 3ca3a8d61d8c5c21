import { host, port, whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { unitCode } from '../mapping/config.ts';
import { sourceKeys } from '../source.ts';
import { registerTypes, wordsOf } from './decode.ts';

const kinds = ['holding', 'input', 'coil', 'discrete'] as const;
const order = z.enum(['big', 'little'], 'must be big or little').default('big');
const text = z.string('must be a text').min(1, 'must not be empty').max(255, 'must be at most 255 characters');
const finite = z.number('must be a number');
const isBit = (kind: (typeof kinds)[number]): boolean => kind === 'coil' || kind === 'discrete';

const register = z
  .strictObject({
    metric: text,
    /** UCUM code. */
    unit: unitCode,
    kind: z.enum(kinds, `must be one of ${kinds.join(', ')}`).default('holding'),
    /** As in the request, from 0: the manual's 40001 is holding register 0. */
    address: whole(0, 65_535),
    /** Absent: uint16, or bool where the value is one bit. */
    type: z.enum(registerTypes, `must be one of ${registerTypes.join(', ')}`).optional(),
    /** Which register of a value of several comes first. */
    wordOrder: order,
    /** Which byte within a register comes first; the standard has but big (V1.1b3 § 4.2). */
    byteOrder: order,
    /** Of a 16-bit register, 0 is the lowest. */
    bit: whole(0, 15).optional(),
    /** value = raw · scale + offset */
    scale: finite.refine(scale => scale !== 0, 'must not be 0').default(1),
    offset: finite.default(0),
    /** Raw values by which the device says that it has none. */
    invalid: z.array(finite, 'must be a list of numbers').default([]),
    /** Absent: the source's. */
    intervalMs: whole(100, 86_400_000).optional(),
  })
  .transform(({ type, ...rest }) => ({
    ...rest,
    type: type ?? (isBit(rest.kind) || rest.bit !== undefined ? ('bool' as const) : ('uint16' as const)),
  }))
  .superRefine(({ kind, type, bit, address }, context) => {
    const mistake = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (isBit(kind) && type !== 'bool') mistake('type', `must be bool: a ${kind} is one bit`);
    if (isBit(kind) && bit !== undefined) mistake('bit', `must not be set: a ${kind} is one bit`);
    if (!isBit(kind) && type === 'bool' && bit === undefined) mistake('bit', 'must say which bit of the register');
    if (!isBit(kind) && type !== 'bool' && bit !== undefined) mistake('type', 'must be bool, or absent, with bit');
    const words = wordsOf(type);
    if (address + words > 65_536)
      mistake('address', `must be at most ${65_536 - words}: ${type} takes ${words} registers, the last is 65535`);
  });
export type Register = z.output<typeof register>;

const device = z.strictObject({
  /** Name of the sensor its readings are of. */
  sensor: text,
  /** 0 is broadcast on a serial line, and what some TCP devices answer to. */
  unitId: whole(0, 255).default(1),
  registers: z.array(register, 'must be a list of registers').min(1, 'must hold a register'),
});
export type DeviceConfig = z.output<typeof device>;

const tcp = z.strictObject({ host, port: port.default(502) });
const rtu = z.strictObject({
  path: z.string('must be a serial device such as /dev/ttyUSB0').min(1, 'must be a serial device such as /dev/ttyUSB0'),
  baudRate: whole(300, 4_000_000).default(9600),
  parity: z.enum(['none', 'even', 'odd'], 'must be none, even or odd').default('none'),
  dataBits: z.union([z.literal(7), z.literal(8)], { error: 'must be 7 or 8' }).default(8),
  stopBits: z.union([z.literal(1), z.literal(2)], { error: 'must be 1 or 2' }).default(1),
});
export type TcpConfig = z.output<typeof tcp>;
export type RtuConfig = z.output<typeof rtu>;

export const modbusSchema = z
  .strictObject({
    type: z.literal('modbus'),
    ...sourceKeys,
    tcp: tcp.optional(),
    rtu: rtu.optional(),
    /** A request without an answer by then has none; a device that needs more than half of it is late. */
    timeoutMs: whole(10, 60_000).default(1000),
    intervalMs: whole(100, 86_400_000).default(1000),
    /** So many registers that nobody asked for are read along rather than asked around. */
    maxGap: whole(0, 124).default(8),
    devices: z.array(device, 'must be a list of devices').min(1, 'must hold a device'),
  })
  .superRefine(({ tcp: overTcp, rtu: overRtu, devices }, context) => {
    const mistake = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if ((overTcp === undefined) === (overRtu === undefined)) mistake(['tcp'], 'must be set, or rtu, and not both');
    const sensors = new Set<string>();
    for (const [i, { sensor, unitId, registers }] of devices.entries()) {
      if (sensors.has(sensor)) mistake(['devices', i, 'sensor'], 'is the name of another device already');
      sensors.add(sensor);
      if (overRtu !== undefined && (unitId < 1 || unitId > 247))
        mistake(['devices', i, 'unitId'], 'must be from 1 to 247 on a serial line');
      for (const [j, { metric }] of registers.entries())
        if (registers.findIndex(other => other.metric === metric) < j)
          mistake(['devices', i, 'registers', j, 'metric'], 'is the metric of another register already');
    }
  });
export type ModbusConfig = z.output<typeof modbusSchema>;
