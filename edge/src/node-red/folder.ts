/** The private folder of Node-RED: its settings, flows and secrets; nobody but the agent's user may read any of it. */
import { createDecipheriv, createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { NodeRedConfig } from './config.ts';

export interface PreparedFolder {
  readonly settingsFile: string;
  /** Made just now, to be said once; only its hash is kept. */
  readonly newPassword: string | undefined;
}

export interface FolderOptions {
  readonly folder: string;
  /** Folder of the palette, `edge/node-red`. */
  readonly palette: string;
  readonly hash: (password: string) => string;
}

const flowFile = 'flows.json';

/**
 * Makes the folder and what Node-RED needs in it, and checks what is there.
 * @throws {ConfigError} when the credentials there are of another secret; then nothing was changed.
 */
export function prepareFolder(config: NodeRedConfig, { folder, palette, hash }: FolderOptions): PreparedFolder {
  const secretFile = join(folder, 'credential-secret');
  const credentialsFile = join(folder, 'flows_cred.json');
  const stored = config.credentialSecret === undefined ? readIfThere(secretFile) : undefined;
  const secret = config.credentialSecret ?? stored?.trim();
  checkCredentials(credentialsFile, secret, config.credentialSecret === undefined ? secretFile : undefined);

  mkdirSync(dirname(folder), { recursive: true }); // Others may have to pass it: the agent's socket is beside this folder.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  makePrivate(folder);
  const credentialSecret = secret ?? randomBytes(32).toString('hex');
  if (config.credentialSecret === undefined && secret === undefined) writePrivate(secretFile, `${credentialSecret}\n`);
  // Node-RED without an editor's visit and without flows ends at once.
  if (!existsSync(join(folder, flowFile))) writePrivate(join(folder, flowFile), '[]\n');

  const hashFile = join(folder, 'password-hash');
  let passwordHash = config.passwordHash ?? readIfThere(hashFile)?.trim();
  let newPassword: string | undefined;
  if (passwordHash === undefined) {
    newPassword = randomBytes(15).toString('base64url');
    passwordHash = hash(newPassword);
    writePrivate(hashFile, `${passwordHash}\n`);
  }
  const settingsFile = join(folder, 'settings.json');
  const settings = settingsOf(config, { folder, palette, passwordHash, credentialSecret });
  writePrivate(settingsFile, `${JSON.stringify(settings, null, 2)}\n`);
  return { settingsFile, newPassword };
}

/** JSON, not a program: nothing in it is evaluated. */
function settingsOf(
  { host, port, user }: NodeRedConfig,
  given: { folder: string; palette: string; passwordHash: string; credentialSecret: string },
) {
  const { folder, palette, passwordHash, credentialSecret } = given;
  return {
    userDir: folder,
    flowFile,
    nodesDir: [palette],
    uiHost: host,
    uiPort: port,
    credentialSecret,
    adminAuth: { type: 'credentials', users: [{ username: user, password: passwordHash, permissions: '*' }] },
    // What flows serve by "http in" is on the same port.
    httpNodeAuth: { user, pass: passwordHash },
    telemetry: { enabled: false, updateNotification: false },
    nodesExcludes: ['90-exec.js'],
    functionExternalModules: false,
    functionTimeout: 0,
    externalModules: {
      autoInstall: false,
      palette: { allowInstall: false, allowUpdate: false, allowUpload: false },
      modules: { allowInstall: false },
    },
    exportGlobalContextKeys: false,
    diagnostics: { enabled: false, ui: false },
    runtimeState: { enabled: false, ui: false },
    logging: { console: { level: 'info', metrics: false, audit: false } },
    editorTheme: {
      page: { title: 'Millrace · Node-RED' },
      header: { title: 'Millrace' },
      tours: false,
      projects: { enabled: false },
      palette: {
        editable: false,
        categories: ['Millrace', 'subflows', 'common', 'function', 'network', 'sequence', 'parser', 'storage'],
      },
    },
  };
}

/**
 * Node-RED itself only warns of a wrong secret, then runs the flows without their credentials, and forgets them on the next
 * deploy. Its format: `{"$": iv (32 hex) + base64}`, AES-256-CTR, the key SHA-256 of the secret
 * (`@node-red/runtime/lib/nodes/credentials.js`). CTR has no check of its own: with a wrong key the text is no JSON object.
 */
function checkCredentials(file: string, secret: string | undefined, secretFile: string | undefined): void {
  const text = readIfThere(file);
  if (text === undefined || text.trim() === '') return;
  const remedy =
    'give back the secret they were made with, or move the file away and enter the credentials of the flows anew';
  if (secret === undefined)
    throw ConfigError.of(
      'edge.nodeRed.credentialSecret',
      `${secretFile} is missing, and ${file} cannot be read without it: ${remedy}`,
    );
  if (!decrypts(text, secret))
    throw ConfigError.of(
      'edge.nodeRed.credentialSecret',
      `is not the one that encrypted ${file}: ${remedy}`,
      secretFile,
    );
}

function decrypts(text: string, secret: string): boolean {
  try {
    const { $: sealed, ...others } = JSON.parse(text) as Record<string, unknown>;
    if (sealed === undefined) return true; // In the clear; Node-RED encrypts it with the next deploy.
    if (typeof sealed !== 'string' || Object.keys(others).length > 0) return false;
    const key = createHash('sha256').update(secret).digest();
    const decipher = createDecipheriv('aes-256-ctr', key, Buffer.from(sealed.slice(0, 32), 'hex'));
    const plain = decipher.update(sealed.slice(32), 'base64', 'utf8') + decipher.final('utf8');
    const credentials: unknown = JSON.parse(plain);
    return typeof credentials === 'object' && credentials !== null && !Array.isArray(credentials);
  } catch {
    return false; // Not JSON before or after: not what Node-RED wrote with this secret.
  }
}

/** Whole or not at all, and never readable by others, not for a moment. */
function writePrivate(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  chmodSync(`${file}.new`, 0o600); // The mode above counts only for a new file.
  renameSync(`${file}.new`, file);
}

/** Also what an earlier Node-RED, or someone by hand, has left open. Links are not followed. */
function makePrivate(folder: string): void {
  chmodSync(folder, 0o700);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name === 'node_modules' || lstatSync(path).isSymbolicLink()) continue;
    if (lstatSync(path).isDirectory()) makePrivate(path);
    else chmodSync(path, 0o600);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ConfigError.of('edge.nodeRed', `${file} cannot be read (${messageOf(error)})`);
  }
}
