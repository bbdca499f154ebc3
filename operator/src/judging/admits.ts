import { assertNever, NAMESPACE_NAME_LABEL, selectorMatches, type TargetSpec } from '@sidegate/crds';

/** A namespace by name, with the labels it has. */
export interface NamedLabels {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether a Target in `own` takes agents of the namespace. */
export function admitsNamespace(
  { allowedNamespaces }: Pick<TargetSpec, 'allowedNamespaces'>,
  own: string,
  { name, labels }: NamedLabels,
): boolean {
  const { from = 'Same', selector } = allowedNamespaces ?? {};
  switch (from) {
    case 'All':
      return true;
    case 'Same':
      return name === own;
    case 'Selector':
      return selector !== undefined && selectorMatches(selector, { ...labels, [NAMESPACE_NAME_LABEL]: name });
    default:
      return assertNever(from);
  }
}
