/** Masks, and no rule that refuses: what clients do in their ordinary work must all pass. */
export const OPEN_POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: production-guardrails, namespace: data}
spec:
  masks:
    - name: customer-pii
      columns: [public.customers.email, '*.*.ssn']
      detect: [CreditCard]
      with: {type: Partial, keepLast: 4}
`;
