/**
 * Configuration: one YAML file, a section a service, overlaid by the environment (`MILLRACE_<SECTION>__<KEY>`, secrets
 * from files by `…_FILE`), checked by schemas. All mistakes are reported at once, each with its key and its place.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument, parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { getIn, isTree, keysAt, type Path, shapeOf, suggestion, type Tree, unwrapped } from './config-keys.ts';
import { ConfigError, type ConfigMistake, messageOf } from './errors.ts';

/** Every section there is, so that a service which knows only its own can still tell a typo from a neighbour's section. */
const sectionNames = [
  'log',
  'kafka',
  'questdb',
  'edge',
  'bridge',
  'processors',
  'sinks',
  'dashboard',
  'stack',
  'simulate',
  'up',
];

export const defaultConfigFile = 'millrace.yaml';

export interface ConfigSource {
  /** Path of the YAML file; undefined: `millrace.yaml` in the working directory if it is there. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Sections = Readonly<Record<string, z.ZodType>>;
export type Config<S extends Sections> = { readonly [Name in keyof S]: z.output<S[Name]> };

/**
 * Reads and checks the sections asked for.
 * @throws {ConfigError} with every mistake found.
 */
export function loadConfig<S extends Sections>(source: ConfigSource, sections: S): Config<S> {
  const { config, mistakes } = checkConfig(source, sections);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config as Config<S>;
}

/** The sections that are right, and every mistake in the others: for whoever has more to check before it says so. */
export function checkConfig<S extends Sections>(
  source: ConfigSource,
  sections: S,
): { config: Partial<Config<S>>; mistakes: readonly ConfigMistake[] } {
  const mistakes: ConfigMistake[] = [];
  const { tree, placeOf } = readFile(source.file, mistakes);
  for (const name of Object.keys(tree)) {
    if (!sectionNames.includes(name))
      mistakes.push({ key: name, place: placeOf([name]), message: `no such section${suggestion(name, sectionNames)}` });
  }
  const fromEnv = overlayEnvironment(tree, sections, source.env, mistakes);
  const place = (path: Path): string | undefined => fromEnv.get(path.join('.'))?.variable ?? placeOf(path);
  const config: Tree = {};
  for (const [name, schema] of Object.entries(sections)) {
    const result = schema.safeParse(tree[name] ?? {});
    if (result.success) config[name] = result.data;
    else mistakes.push(...result.error.issues.flatMap(issue => mistakesOf(name, schema, issue, tree, place)));
  }
  return { config: config as Partial<Config<S>>, mistakes };
}

/** Names of the sections that the file holds; empty when there is none, or none that can be read. */
export function sectionsIn(source: ConfigSource): readonly string[] {
  return Object.keys(readFile(source.file, []).tree);
}

interface YamlFile {
  readonly tree: Tree;
  /** `file:line:column` of the value, or of the nearest one around it. */
  readonly placeOf: (path: Path) => string | undefined;
}

/** Anew each time: the environment is laid over it. */
const nothing = (): YamlFile => ({ tree: {}, placeOf: () => undefined });

function readFile(given: string | undefined, mistakes: ConfigMistake[]): YamlFile {
  const file = given ?? (existsSync(defaultConfigFile) ? defaultConfigFile : undefined);
  return file === undefined ? nothing() : (readYaml(file, '--config', 'a mapping of sections', mistakes) ?? nothing());
}

/**
 * A YAML file whose root is a mapping; what stands in its way is added to the mistakes.
 * @param key what named the file. @param root what the mapping is: `a mapping of sections`.
 */
export function readYaml(file: string, key: string, root: string, mistakes: ConfigMistake[]): YamlFile | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    mistakes.push({ key, place: file, message: `cannot be read (${messageOf(error)})` });
    return undefined;
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  for (const error of document.errors)
    mistakes.push({
      key: 'YAML',
      place: placeIn(file, error.linePos?.[0] ?? { line: 1, col: 1 }),
      message: error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
    });
  if (document.errors.length > 0) return undefined;
  const tree: unknown = document.toJS() ?? {};
  if (!isTree(tree)) {
    mistakes.push({ key: 'YAML', place: file, message: `must be ${root}` });
    return undefined;
  }
  return {
    tree,
    placeOf: path => {
      for (let end = path.length; end > 0; end--) {
        const node: unknown = document.getIn(path.slice(0, end), true);
        const range =
          node !== null && typeof node === 'object' && 'range' in node
            ? (node.range as [number] | undefined)
            : undefined;
        if (range != null) return placeIn(file, lines.linePos(range[0]));
      }
      return file;
    },
  };
}

const placeIn = (file: string, { line, col }: { line: number; col: number }): string => `${file}:${line}:${col}`;

/** The same mistakes, each with its place in the file, where that is known. */
export function placed({ mistakes }: ConfigError, source: ConfigSource): ConfigError {
  const { placeOf } = readFile(source.file, []);
  return new ConfigError(
    mistakes.map(mistake => ({
      ...mistake,
      place: mistake.place ?? placeOf(mistake.key.split('.').map(part => (/^\d+$/.test(part) ? Number(part) : part))),
    })),
  );
}

interface EnvValue {
  readonly variable: string;
  readonly text: string;
}

function overlayEnvironment(
  tree: Tree,
  sections: Sections,
  env: ConfigSource['env'],
  mistakes: ConfigMistake[],
): Map<string, EnvValue> {
  const values = new Map<string, EnvValue>();
  for (const [variable, value] of Object.entries(env)) {
    const match = /^MILLRACE_([A-Z]+)__(.+)$/.exec(variable);
    if (match === null || value === undefined) continue;
    const section = match[1]!.toLowerCase();
    const schema = sections[section];
    if (schema === undefined) {
      if (!sectionNames.includes(section))
        mistakes.push({
          key: section,
          place: variable,
          message: `no such section${suggestion(section, sectionNames)}`,
        });
      continue;
    }
    const found = resolveKeys(schema, match[2]!.split('__'));
    let text = value;
    if (found.fromFile) {
      try {
        text = readFileSync(value, 'utf8').replace(/\r?\n$/, '');
      } catch (error) {
        mistakes.push({
          key: [section, ...found.path].join('.'),
          place: variable,
          message: `the file cannot be read (${messageOf(error)})`,
        });
        continue;
      }
    }
    const path = [section, ...found.path];
    values.set(path.join('.'), { variable, text });
    setIn(tree, path, found.fromFile || found.isText ? text : yamlOrText(text));
  }
  return values;
}

/** `MQTT__MAX_BYTES` → `['mqtt', 'maxBytes']`, by the schema's keys where there are any. */
function resolveKeys(
  schema: z.ZodType,
  segments: readonly string[],
): { path: string[]; fromFile: boolean; isText: boolean } {
  const path: string[] = [];
  let at: z.ZodType | undefined = schema;
  let fromFile = false;
  for (const [i, segment] of segments.entries()) {
    const shape: Record<string, z.ZodType> | undefined = at === undefined ? undefined : shapeOf(at);
    const keyFor = (text: string): string | undefined =>
      Object.keys(shape ?? {}).find(key => key.toLowerCase() === text.toLowerCase().replaceAll('_', ''));
    let key = keyFor(segment);
    if (key === undefined && i === segments.length - 1 && segment.endsWith('_FILE')) {
      key = keyFor(segment.slice(0, -'_FILE'.length));
      fromFile = key !== undefined;
    }
    key ??= segment.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    path.push(key);
    at = shape?.[key];
  }
  // Text is taken as it stands: YAML would read `a #1` as `a`, and 007 as a number.
  return { path, fromFile, isText: at !== undefined && unwrapped(at).def.type === 'string' };
}

/** A schema's complaint as mistakes with their keys and places. @param section where the schema stands in the tree. */
export function mistakesOf(
  section: string,
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  tree: Tree,
  place: (path: Path) => string | undefined,
): ConfigMistake[] {
  const path = [section, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') {
    const allowed = keysAt(schema, issue.path as Path, getIn(tree, path));
    return issue.keys.map(key => ({
      key: [...path, key].join('.'),
      place: place([...path, key]),
      message: `no such key${suggestion(key, allowed)}`,
    }));
  }
  const value = getIn(tree, path);
  const shown =
    value === undefined
      ? 'it is missing'
      : secretKey.test(String(path.at(-1)))
        ? 'its value is not shown'
        : `it is ${withoutSecrets(value).slice(0, 60)}`;
  return [
    { key: path.join('.'), place: place(path), message: `${issue.message.replace(/^Invalid input: /, '')}; ${shown}` },
  ];
}

const secretKey = /pass|secret|token|key$/i;
/** Who logs in, and what stands behind the host: addresses of webhooks carry tokens there. */
const secretOfUrl = /^([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#]*@)?([^/?#]*).*$/is;

function withoutSecrets(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (secretKey.test(key)) return '…';
    return typeof inner === 'string' ? inner.replace(secretOfUrl, '$1$2/…') : inner;
  });
}

function yamlOrText(text: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    return text; // Not YAML, so it is plain text; the schema decides whether that is allowed.
  }
}

function setIn(tree: Tree, path: Path, value: unknown): void {
  let at = tree;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(at, key) || !isTree(at[key]))
      Object.defineProperty(at, key, { value: {}, writable: true, enumerable: true, configurable: true });
    at = at[key] as Tree;
  }
  Object.defineProperty(at, path.at(-1)!, { value, writable: true, enumerable: true, configurable: true });
}

/** Resolves a path from the configuration: relative ones start at its file's folder, or at the working directory without one. */
export function pathResolver(source: ConfigSource): (path: string) => string {
  const folder = dirname(resolve(source.file ?? defaultConfigFile));
  return path => resolve(folder, path);
}
