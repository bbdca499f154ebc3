{{- define "sidegate.labels" -}}
app.kubernetes.io/name: sidegate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "sidegate.selector" -}}
app.kubernetes.io/name: sidegate
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "sidegate.image" -}}
{{- with .root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}sidegate/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "sidegate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 64731
runAsGroup: 64731
fsGroup: 64731
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "sidegate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "sidegate.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sidegate.byPolicy" -}}
{{- if eq .Values.injection.mode "Policy" -}}true
{{- else if and (eq .Values.injection.mode "Auto") (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy") -}}true
{{- end -}}
{{- end }}

{{- define "sidegate.upstreamDns" -}}
{{- if .Values.injection.upstreamDns -}}
{{ join "," .Values.injection.upstreamDns }}
{{- else -}}
{{- $service := lookup "v1" "Service" "kube-system" "kube-dns" -}}
{{- if $service }}{{ $service.spec.clusterIP }}{{ else }}10.96.0.10{{ end -}}
{{- end -}}
{{- end }}

{{- define "sidegate.storeUrl" -}}
{{- if .Values.store.enabled -}}
https://sidegate-store.{{ .Release.Namespace }}.svc:8443
{{- else -}}
{{ required "store.url is needed when store.enabled is false" .Values.store.url }}
{{- end -}}
{{- end }}
