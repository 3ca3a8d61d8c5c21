import type { Command } from '../command.ts';
import { doctor } from './doctor.ts';
import { edge } from './edge.ts';
import { flash } from './flash.ts';
import { pki } from './pki.ts';
import { reconcile } from './reconcile.ts';
import { rejected } from './rejected.ts';
import { rules } from './rules.ts';
import { bridge, dashboard, processors, sinks } from './services.ts';
import { simulate } from './simulate.ts';
import { topics } from './topics.ts';
import { up } from './up.ts';

export const commands: readonly Command[] = [
  up,
  edge,
  bridge,
  processors,
  sinks,
  dashboard,
  simulate,
  reconcile,
  rejected,
  rules,
  pki,
  flash,
  topics,
  doctor,
];
