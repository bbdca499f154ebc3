import { asText } from './codec.ts';

/** PostgreSQL counts from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

/** A bind value as a person reads it: text as it is, the usual types from their binary format, anything else in hex. */
export function valueText(value: Uint8Array, binary: boolean, typeOid: number): string {
  if (!binary) return asText(value);
  const view = Buffer.from(value.buffer, value.byteOffset, value.length);
  switch (typeOid) {
    case 16:
      if (view.length === 1) return view[0] === 0 ? 'f' : 't';
      break;
    case 21:
      if (view.length === 2) return String(view.readInt16BE());
      break;
    case 23:
      if (view.length === 4) return String(view.readInt32BE());
      break;
    case 26:
      if (view.length === 4) return String(view.readUInt32BE());
      break;
    case 20:
      if (view.length === 8) return String(view.readBigInt64BE());
      break;
    case 700:
      if (view.length === 4) return String(view.readFloatBE());
      break;
    case 701:
      if (view.length === 8) return String(view.readDoubleBE());
      break;
    case 1082:
      if (view.length === 4) return dateText(view.readInt32BE());
      break;
    case 1114:
    case 1184:
      if (view.length === 8) return timestampText(view.readBigInt64BE());
      break;
    case 2950:
      if (view.length === 16)
        return view.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
      break;
    case 3802:
      return asText(value.subarray(1));
    case 18:
    case 19:
    case 25:
    case 114:
    case 142:
    case 705:
    case 1042:
    case 1043:
      return asText(value);
    default:
  }
  return `\\x${view.toString('hex')}`;
}

function dateText(days: number): string {
  const time = EPOCH_MS + days * 86_400_000;
  return inRange(time) ? new Date(time).toISOString().slice(0, 10) : `${days} days from 2000-01-01`;
}

function timestampText(microseconds: bigint): string {
  const time = EPOCH_MS + Number(microseconds / 1000n);
  return inRange(time) ? new Date(time).toISOString() : `${microseconds} us from 2000-01-01`;
}

function inRange(time: number): boolean {
  return Math.abs(time) <= 8.64e15;
}
