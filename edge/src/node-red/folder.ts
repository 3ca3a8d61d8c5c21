/** The private folder of Node-RED: its settings, flows and secrets; nobody but the agent's user may read any of it. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { NodeRedConfig } from './config.ts';
import { checkCredentials, sealed } from './credentials.ts';
import { makePrivate, readIfThere, writePrivate } from './private-files.ts';

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
  // Node-RED without an editor's visit and without flows ends at once. No credentials are credentials too: from the first
  // start on, there is something that tells a wrong secret.
  if (!existsSync(join(folder, flowFile))) {
    if (!existsSync(credentialsFile)) writePrivate(credentialsFile, `${sealed('{}', credentialSecret)}\n`);
    writePrivate(join(folder, flowFile), '[]\n');
  }

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
      palette: {
        categories: ['Millrace', 'subflows', 'common', 'function', 'network', 'sequence', 'parser', 'storage'],
      },
    },
  };
}
