/** What a client's certificate says of it. */
import { type GatewayId, isGatewayId } from '@millrace/wire/names.ts';

const scheme = 'urn:millrace:gateway:';
/** One name as Node prints it: quoted, as JSON, when it holds what could be taken for the next one (CVE-2021-44532). */
const oneName = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * The gateway of a subject alternative name (`URI:urn:millrace:gateway:lamp-7, DNS:…`): the one URI of our scheme.
 * Undefined: none, two, or none that is a gateway's name.
 */
export function gatewayOfNames(subjectAltName: string | undefined): GatewayId | undefined {
  const found = namesIn(subjectAltName ?? '')?.filter(({ kind, value }) => kind === 'URI' && value.startsWith(scheme));
  if (found?.length !== 1) return undefined;
  const gateway = found[0]!.value.slice(scheme.length);
  return isGatewayId(gateway) ? gateway : undefined;
}

function namesIn(text: string): { kind: string; value: string }[] | undefined {
  const names = [];
  oneName.lastIndex = 0;
  while (oneName.lastIndex < text.length) {
    const match = oneName.exec(text);
    if (match === null) return undefined;
    const [, kind, value] = match as unknown as [string, string, string];
    names.push({ kind, value: value.startsWith('"') ? (JSON.parse(value) as string) : value });
  }
  return names;
}
