import { readFileSync, writeFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second for everybody (USER_HZ; proc(5), /proc/pid/stat). */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time, user and system, that a process and its threads have used, from the text of `/proc/PID/stat`. */
export function cpuSecondsOf(stat: string): number {
  // The name stands in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** A size in MiB from the text of `/proc/PID/status`: what is resident now, or the most that ever was. */
export function residentMib(status: string, which: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

export function cpuSeconds(pid: number): number {
  return cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

export function rssMib(pid: number): number {
  return residentMib(readFileSync(`/proc/${pid}/status`, 'latin1'), 'VmRSS');
}

/** The most that was resident since `forgetPeak`. */
export function peakMib(pid: number): number {
  return residentMib(readFileSync(`/proc/${pid}/status`, 'latin1'), 'VmHWM');
}

export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
