import { isIP } from 'node:net';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { allowStatement, type LockSettings } from './egress-lock.ts';

/** Key, optional: `Locked` closes a pod's network to all but the gate; `Open`, or none, does not. In `former` it is as said there, and else `Open`. */
export const EGRESS_KEY = 'egress';
export const EGRESS_LOCKED = 'Locked';
export const EGRESS_VALUES: readonly string[] = ['', 'Open', EGRESS_LOCKED];
/** Key, needed with `Locked`: the image that has `nft`. */
export const LOCK_IMAGE_KEY = 'lock-image';
/** Key, optional: networks that agents reach nevertheless (CIDR, IPv4 and IPv6), joined with commas. */
export const ALLOWED_CIDRS_KEY = 'egress-allowed-cidrs';

type Data = Readonly<Record<string, string>>;

/** The lock that the keys speak of; undefined where egress is open. `otherwise` has what `data` leaves out, but for {@link EGRESS_KEY}. */
export function readLock(data: Data, otherwise: Data): Result<LockSettings | undefined, Fault<'NoSettings'>> {
  const egress = data[EGRESS_KEY] ?? '';
  if (!EGRESS_VALUES.includes(egress)) return fault(`The key ${EGRESS_KEY} is neither Open nor Locked.`);
  const image = data[LOCK_IMAGE_KEY] ?? otherwise[LOCK_IMAGE_KEY] ?? '';
  const cidrs = (data[ALLOWED_CIDRS_KEY] ?? otherwise[ALLOWED_CIDRS_KEY] ?? '').split(',').filter((one) => one !== '');
  if (!cidrs.every(isCidr)) return fault(`The key ${ALLOWED_CIDRS_KEY} is no list of networks (10.0.0.0/8).`);
  if (egress !== EGRESS_LOCKED) return ok(undefined);
  if (image === '') return fault(`The key ${LOCK_IMAGE_KEY} is missing.`);
  if (/\s/.test(image)) return fault(`The key ${LOCK_IMAGE_KEY} is no image.`);
  const allow4 = cidrs.filter((one) => !one.includes(':')).join(', ');
  const allow6 = cidrs.filter((one) => one.includes(':')).join(', ');
  return ok({
    image,
    ...(allow4 === '' ? {} : { allow4: allowStatement('ip', allow4) }),
    ...(allow6 === '' ? {} : { allow6: allowStatement('ip6', allow6) }),
  });
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  const family = isIP(address);
  return (
    family !== 0 && more === undefined && /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
  );
}

function fault(message: string): Result<never, Fault<'NoSettings'>> {
  return fail({ code: 'NoSettings', message });
}
