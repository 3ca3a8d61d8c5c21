/** The presets there are, by their name in the configuration. */
import type { Preset } from '../preset.ts';
import { chirpstack } from './chirpstack.ts';
import { esphome } from './esphome.ts';
import { senml } from './senml.ts';
import { sparkplugB } from './sparkplug-b.ts';
import { tasmota } from './tasmota.ts';
import { theThingsStack } from './the-things-stack.ts';
import { zigbee2mqtt } from './zigbee2mqtt.ts';

export const presets = {
  zigbee2mqtt,
  tasmota,
  esphome,
  senml,
  chirpstack,
  'the-things-stack': theThingsStack,
  'sparkplug-b': sparkplugB,
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as [PresetName, ...PresetName[]];
