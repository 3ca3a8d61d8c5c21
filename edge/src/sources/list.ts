/** The sources there are, one line each. */
export { exec } from './exec/source.ts';
export { host } from './host/source.ts';
export { http } from './http/source.ts';
export { iio } from './iio/source.ts';
export { modbus } from './modbus/source.ts';
export { mqtt } from './mqtt/source.ts';
export { onewire } from './onewire/source.ts';
export { replay } from './replay/source.ts';
