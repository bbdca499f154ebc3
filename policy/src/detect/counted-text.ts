/**
 * A text that counts what is done with it, so that a test can bound a scanner's work without a clock: each character read, looked
 * through or copied counts one.
 */
export class CountedText extends String {
  operations = 0;

  /** The text as scanners take it; they use only the methods below. */
  asText(): string {
    return this as unknown as string;
  }

  override charCodeAt(index: number): number {
    this.operations += 1;
    return super.charCodeAt(index);
  }

  override slice(start?: number, end?: number): string {
    const part = super.slice(start, end);
    this.operations += part.length + 1;
    return part;
  }

  override indexOf(searched: string, from = 0): number {
    const at = super.indexOf(searched, from);
    this.operations += (at < 0 ? Math.max(0, this.length - from) : at - from) + 1;
    return at;
  }

  override startsWith(searched: string, at = 0): boolean {
    this.operations += searched.length;
    return super.startsWith(searched, at);
  }

  override includes(searched: string, from = 0): boolean {
    return this.indexOf(searched, from) >= 0;
  }
}
