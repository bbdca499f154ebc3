import { assertNever, type LabelSelector } from '@sidegate/crds';

/** Kubernetes' label selector: all of `matchLabels` and all of `matchExpressions`; an empty one matches everything. */
export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  if (!wanted.every(([key, value]) => labelOf(labels, key) === value)) return false;
  return (selector.matchExpressions ?? []).every((expression) => {
    const value = labelOf(labels, expression.key);
    switch (expression.operator) {
      case 'In':
        return value !== undefined && (expression.values ?? []).includes(value);
      case 'NotIn':
        return value === undefined || !(expression.values ?? []).includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return assertNever(expression.operator);
    }
  });
}

function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
