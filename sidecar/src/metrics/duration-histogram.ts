/**
 * A histogram of durations without labels, for what is observed with every command: one search and three additions. Rendered in the
 * Prometheus text exposition format, version 0.0.4.
 */
export class DurationHistogram {
  readonly #name: string;
  readonly #help: string;
  readonly #boundsSeconds: readonly number[];
  readonly #boundsUs: readonly number[];
  /** One a bucket, and one for what lies above all bounds. */
  readonly #counts: number[];
  #sumUs = 0;

  /** `boundsSeconds` rise; each bucket holds what is at most its bound. */
  constructor(name: string, help: string, boundsSeconds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#boundsSeconds = boundsSeconds;
    this.#boundsUs = boundsSeconds.map((seconds) => seconds * 1e6);
    this.#counts = Array.from({ length: boundsSeconds.length + 1 }, () => 0);
  }

  observe(durationUs: number): void {
    let bucket = 0;
    while (bucket < this.#boundsUs.length && durationUs > (this.#boundsUs[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumUs += durationUs;
  }

  render(): string {
    const name = this.#name;
    const lines = [`# HELP ${name} ${this.#help}`, `# TYPE ${name} histogram`];
    let count = 0;
    for (const [bucket, bound] of this.#boundsSeconds.entries()) {
      count += this.#counts[bucket] ?? 0;
      lines.push(`${name}_bucket{le="${bound}"} ${count}`);
    }
    count += this.#counts.at(-1) ?? 0;
    lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${this.#sumUs / 1e6}`, `${name}_count ${count}`);
    return `${lines.join('\n')}\n`;
  }
}
