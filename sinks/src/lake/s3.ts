/** A lake in a bucket of S3, or of a store that speaks its language. One PUT an object: whole, or not there at all. */
import { createHash } from 'node:crypto';
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import { AwsClient } from 'aws4fetch';
import type { ObjectStore } from './objects.ts';

export interface S3Options {
  readonly bucket: string;
  /** Before all names; empty or without slashes at its ends. */
  readonly prefix: string;
  /** Undefined: Amazon's, of the region. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

const timeoutMs = 60_000;
const deletesAtATime = 16;

export class S3Store implements ObjectStore {
  readonly shown: string;
  readonly #client: AwsClient;
  /** Of the bucket, with a slash at its end. */
  readonly #url: string;
  readonly #prefix: string;

  constructor({ bucket, prefix, endpoint, region, ...keys }: S3Options) {
    const { accessKeyId, secretAccessKey, sessionToken } = keys;
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region,
      // Whoever calls knows better when to try again, and when to stop.
      retries: 0,
    });
    this.#url =
      endpoint === undefined
        ? `https://${bucket}.s3.${region}.amazonaws.com/`
        : `${endpoint.replace(/\/+$/, '')}/${bucket}/`;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.shown = `s3://${bucket}/${this.#prefix}${endpoint === undefined ? '' : ` at ${new URL(endpoint).host}`}`;
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    const response = await this.#request('PUT', this.#urlOf(name), bytes, { 'if-none-match': '*' });
    if (response.ok) return true;
    if (response.status === 412) return false;
    return this.#refuse(`PUT ${name}`, response);
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const response = await this.#request('GET', this.#urlOf(name));
    if (response.status === 404) return undefined;
    if (!response.ok) return this.#refuse(`GET ${name}`, response);
    return new Uint8Array(response.body);
  }

  async list(folder: string): Promise<readonly string[]> {
    const names: string[] = [];
    for (let token: string | undefined = ''; token !== undefined; ) {
      const query = new URLSearchParams({
        'list-type': '2',
        'encoding-type': 'url',
        prefix: `${this.#prefix}${folder}/`,
      });
      if (token !== '') query.set('continuation-token', token);
      const response = await this.#request('GET', `${this.#url}?${query.toString().replaceAll('+', '%20')}`);
      if (!response.ok) return this.#refuse(`list ${folder}`, response);
      const page = parseList(response.body.toString());
      names.push(...page.keys.map(key => key.slice(this.#prefix.length)));
      token = page.next;
    }
    return names;
  }

  async remove(names: readonly string[]): Promise<void> {
    for (let from = 0; from < names.length; from += deletesAtATime)
      await Promise.all(
        names.slice(from, from + deletesAtATime).map(async name => {
          const response = await this.#request('DELETE', this.#urlOf(name));
          if (!response.ok && response.status !== 404) this.#refuse(`DELETE ${name}`, response);
        }),
      );
  }

  #urlOf(name: string): string {
    return this.#url + `${this.#prefix}${name}`.split('/').map(encodeSegment).join('/');
  }

  async #request(
    method: string,
    url: string,
    body?: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ ok: boolean; status: number; body: Buffer }> {
    try {
      const response = await this.#client.fetch(url, {
        method,
        // Signed, so that bytes which change on the way are refused.
        headers: {
          ...headers,
          'x-amz-content-sha256': createHash('sha256')
            .update(body ?? '')
            .digest('hex'),
        },
        ...(body && { body: body as Uint8Array<ArrayBuffer> }),
        // To another region, unsigned for it: an error that says so is better.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { ok: response.ok, status: response.status, body: Buffer.from(await response.arrayBuffer()) };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const code = (cause as NodeJS.ErrnoException).code;
      throw new TransientError(`${this.shown} does not answer (${code ?? messageOf(cause)})`, { cause: error });
    }
  }

  /** All of it may be mended while the readings wait in Kafka: rights, a missing bucket, a clock. */
  #refuse(what: string, { status, body }: { status: number; body: Buffer }): never {
    const text = body.toString();
    const code = tag(text, 'Code') ?? '';
    const message = tag(text, 'Message') ?? '';
    throw new TransientError(`${this.shown}: ${what}: ${status} ${code} ${message}`.trim().slice(0, 500));
  }
}

/** RFC 3986: also what encodeURIComponent leaves. */
const encodeSegment = (segment: string): string =>
  encodeURIComponent(segment).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function tag(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : unescapeXml(text);
}

/** ListObjectsV2, as far as it is needed. Exported for its test. */
export function parseList(xml: string): { keys: readonly string[]; next: string | undefined } {
  const isUrl = tag(xml, 'EncodingType') === 'url';
  const keys = Array.from(xml.matchAll(/<Contents>(.*?)<\/Contents>/gs), ([, content]) => {
    const key = tag(content!, 'Key') ?? '';
    return isUrl ? decodeURIComponent(key.replaceAll('+', '%20')) : key;
  });
  const next = tag(xml, 'NextContinuationToken');
  return { keys, next: tag(xml, 'IsTruncated') === 'true' ? next : undefined };
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

const unescapeXml = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(lt|gt|quot|apos|amp));/gi, (_, hex, decimal, name) =>
    name === undefined
      ? String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16))
      : entities[name.toLowerCase()]!,
  );
