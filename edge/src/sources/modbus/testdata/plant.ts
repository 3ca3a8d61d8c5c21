/** Modbus devices behind a real TCP server, which do what a test tells them. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after } from 'node:test';
import modbusSerial from 'modbus-serial';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A device behind every unit; register n holds n, coil n is set when n is odd. */
class Plant {
  readonly requests: string[] = [];
  /** Unit and address. */
  readonly refused = new Set<string>();
  readonly silentUnits = new Set<number>();
  readonly delaysMs = new Map<number, number>();
  readonly values = new Map<number, number>();
  /** More at once is exception 3. */
  most = 125;
  #server: InstanceType<typeof modbusSerial.ServerTCP> | undefined;

  async start(port: number): Promise<void> {
    const words = (kind: string) => (address: number, count: number, unit: number) => {
      this.requests.push(`${unit} ${kind} ${address}+${count}`);
      if (this.silentUnits.has(unit)) return Array.from({ length: count }, () => new Promise<number>(() => {}));
      const all = Array.from({ length: count }, (_, i) => address + i);
      if (count > this.most) throw Object.assign(new Error('too many'), { modbusErrorCode: 3 });
      if (all.some(one => this.refused.has(`${unit} ${one}`)))
        throw Object.assign(new Error('no such register'), { modbusErrorCode: 2 });
      return all.map(async one => {
        await new Promise(resolve => setTimeout(resolve, this.delaysMs.get(unit) ?? 0));
        return this.values.get(one) ?? one;
      });
    };
    const [holding, input] = [words('holding'), words('input')];
    this.#server = new modbusSerial.ServerTCP(
      {
        // The server takes a list of promises, which its types do not know, and asks elsewhere for one register alone.
        getMultipleHoldingRegisters: holding as unknown as () => number[],
        getMultipleInputRegisters: input as unknown as () => number[],
        getHoldingRegister: async (address: number, unit: number) => await holding(address, 1, unit)[0]!,
        getInputRegister: async (address: number, unit: number) => await input(address, 1, unit)[0]!,
        getCoil: (address: number) => address % 2 === 1,
        getDiscreteInput: (address: number) => address % 2 === 0,
      },
      { host: '127.0.0.1', port },
    );
    this.#server.on('socketError', () => {});
    await once(this.#server, 'initialized');
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise<void>(resolve => server.close(() => resolve()));
  }
}

export async function plant() {
  const port = await freePort();
  const server = new Plant();
  await server.start(port);
  after(() => server.stop());
  return { server, port, tcp: { host: '127.0.0.1', port } };
}
