type Named = { readonly metadata: { readonly namespace?: string; readonly name: string } };

/** `namespace/name`. */
export function nameOf({ metadata: { namespace = 'default', name } }: Named): string {
  return `${namespace}/${name}`;
}
