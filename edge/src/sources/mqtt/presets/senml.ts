/** SenML JSON (RFC 8428). Records whose name is a metric alone belong to a sensor with the topic's name. */
import { senmlReadings } from '../../mapping/senml.ts';
import type { Preset } from '../preset.ts';

export const senml: Preset = () => ({
  take: ({ topic, payload, nowUs }) => ({ readings: senmlReadings(payload, topic, nowUs) }),
});
