import { type Fault, fail, ok, type Result } from '@sidegate/crds';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2026-11-28 20:48:01.123Z`; empty for 0. */
export function showTime(us: bigint | number): string {
  if (Number(us) === 0) return '';
  return new Date(Number(us) / 1000).toISOString().replace('T', ' ');
}

/** `850 us`, `12.3 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function showDuration(us: bigint | number): string {
  const value = Number(us);
  if (value < 1000) return `${value} us`;
  if (value < 1_000_000) return `${round(value / 1000)} ms`;
  if (value < 60_000_000) return `${round(value / 1_000_000)} s`;
  const seconds = Math.floor(value / 1_000_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function round(value: number): string {
  return value < 100 ? String(Number(value.toFixed(1))) : String(Math.round(value));
}

/** `1.2 MiB`. */
export function showBytes(bytes: bigint | number): string {
  let value = Number(bytes);
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024) return `${round(value)} ${unit}`;
    value /= 1024;
  }
  return `${round(value)} TiB`;
}

/** A time that a person typed: `30m`, `2h`, `3d` ago, or a date with or without a time (UTC unless it says otherwise). Microseconds. */
export function readTime(text: string, nowMs: number): Result<number, Fault<'BadTime'>> {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/u.exec(text) ?? [];
  if (amount !== undefined) return ok((nowMs - Number(amount) * (UNIT_MS[unit] ?? 0)) * 1000);
  const iso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?$/u.exec(text);
  const zoned = iso?.[1] === undefined || iso[4] !== undefined ? text : `${text}Z`;
  const ms = iso === null ? Number.NaN : Date.parse(zoned.replace(' ', 'T'));
  if (!Number.isNaN(ms)) return ok(ms * 1000);
  return fail({ code: 'BadTime', message: `${text} is no time.`, mend: 'Give 30m, 2h, 3d, or 2026-11-28T20:00:00Z.' });
}
