import { whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import { mappingSchema, unitCodes } from '../mapping/config.ts';
import { sourceKeys } from '../source.ts';
import { presetNames } from './presets/list.ts';

const urlRule = 'must be an address such as mqtt://127.0.0.1:1883 or mqtts://broker.example:8883';
const fileRule = 'must be the path of a file';
const file = z.string(fileRule).min(1, fileRule);
const text = z.string('must be text').max(255, 'must be at most 255 characters');

const filterRule = 'must be a topic or filter such as zigbee2mqtt/# or tele/+/SENSOR';
/** MQTT 3.1.1 § 4.7.1: + is a whole level, # the last one. */
const filter = z
  .string(filterRule)
  .min(1, filterRule)
  .max(1024, filterRule)
  .refine(topic => /^(?:[^+#\u0000]*|\+)(?:\/(?:[^+#/\u0000]*|\+))*(?:\/#)?$|^#$/.test(topic), filterRule)
  .refine(topic => topic.split('/').every(level => level === '+' || level === '#' || !/[+#]/.test(level)), filterRule);

const subscription = z
  .strictObject({
    topic: z.union([filter.transform(one => [one]), z.array(filter).min(1).max(100)], { error: filterRule }),
    preset: z.enum(presetNames, `must be one of ${presetNames.join(', ')}`).optional(),
    mapping: mappingSchema.optional(),
    /** UCUM codes of fields, before what the preset knows. */
    units: unitCodes.default({}),
    /** A sensor that is silent for longer is late, and absent after three times as long. 0: nobody watches. */
    silentAfterMs: whole(0, 2 ** 31 - 1).default(0),
  })
  .superRefine(({ preset, mapping }, context) => {
    if ((preset === undefined) === (mapping === undefined))
      context.addIssue({ code: 'custom', path: ['preset'], message: 'must be set, or mapping, and not both' });
  });
export type Subscription = z.output<typeof subscription>;

const subscriptionsRule = 'must be a list of { topic, preset } or { topic, mapping }';

export const mqttSchema = z
  .strictObject({
    type: z.literal('mqtt'),
    ...sourceKeys,
    url: z
      .string(urlRule)
      .refine(url => /^mqtts?:\/\//.test(url) && URL.canParse(url), urlRule)
      .refine(url => URL.parse(url)?.username === '', 'must not carry a user: that is for username and password')
      .default('mqtt://127.0.0.1:1883'),
    username: text.optional(),
    password: text.optional(),
    /** A file that holds the password. */
    passwordFile: file.optional(),
    tls: z
      .strictObject({
        /** PEM of the authority that signed the broker's certificate; absent: Node's own list. */
        ca: file.optional(),
        /** PEM of this client's certificate and key. */
        cert: file.optional(),
        key: file.optional(),
      })
      .optional(),
    /** The broker keeps what it could not deliver under this name: keep it, and have it once. Default: millrace-<name>. */
    clientId: text.min(1, 'must be text').optional(),
    keepaliveSeconds: whole(5, 3600).default(60),
    qos: z.union([z.literal(0), z.literal(1)], { error: 'must be 0 or 1' }).default(1),
    subscriptions: z.array(subscription, subscriptionsRule).min(1, subscriptionsRule),
    /** Larger payloads are acknowledged, refused and said. */
    maxPayloadBytes: whole(64, 64 * 1024 * 1024).default(1024 * 1024),
    /** Messages whose readings are not yet on disk; beyond it nothing more is read from the broker. */
    inFlight: whole(1, 10_000).default(100),
    /** How far behind a message may come and still count as complete. */
    latenessMs: whole(0, 86_400_000).default(2000),
  })
  .superRefine(({ password, passwordFile, username, tls, url }, context) => {
    const mistake = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
    if (password !== undefined && passwordFile !== undefined)
      mistake(['passwordFile'], 'must not be set beside password');
    if ((password ?? passwordFile) !== undefined && username === undefined)
      mistake(['username'], 'must be set with a password (MQTT 3.1.1 § 3.1.2.9)');
    if (tls !== undefined && !url.startsWith('mqtts://')) mistake(['tls'], 'is only allowed with an mqtts:// address');
    if ((tls?.cert === undefined) !== (tls?.key === undefined))
      mistake(['tls', tls?.cert === undefined ? 'cert' : 'key'], 'cert and key must come together');
  });
export type MqttConfig = z.output<typeof mqttSchema>;
