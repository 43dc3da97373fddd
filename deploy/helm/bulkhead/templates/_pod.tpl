{{- /* Pieces that the pods of all components share. */ -}}

{{- define "bulkhead.podMetadata" -}}
labels:
  {{- include "bulkhead.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := deepCopy (.values.podAnnotations | default dict) -}}
{{- if and (ne .component "ui") .root.Values.gateway.config.create -}}
{{- $_ := set $annotations "checksum/config" (toYaml .root.Values.gateway.config.proxy_config | sha256sum) -}}
{{- end }}
{{- if and (eq .component "ui") (include "bulkhead.prefix" .root) -}}
{{- $_ := set $annotations "checksum/prefix" (include "bulkhead.prefix" .root | sha256sum) -}}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "bulkhead.podPlacement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "bulkhead.topologySpread" -}}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "bulkhead.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "bulkhead.envFrom" -}}
{{- if or .envConfigMaps .envSecrets }}
envFrom:
  {{- range .envConfigMaps }}
  - configMapRef: {name: {{ . }}}
  {{- end }}
  {{- range .envSecrets }}
  - secretRef: {name: {{ . }}}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "bulkhead.probes" -}}
{{- range $probe := list "livenessProbe" "readinessProbe" "startupProbe" }}
{{- with index $.values $probe }}
{{ $probe }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "bulkhead.container" -}}
name: {{ .component }}
{{ include "bulkhead.image" (dict "root" .root "image" .values.image "shared" (ternary .root.Values.uiImage .root.Values.image (eq .component "ui"))) }}
{{- with .args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (include (printf "bulkhead.env.%s" .component) .root | fromYamlArray) .values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "bulkhead.envFrom" .values }}
ports:
  - {name: {{ .values.service.portName }}, containerPort: {{ include "bulkhead.port" .values }}, protocol: TCP}
  {{- with .values.service.healthPort }}
  - {name: health, containerPort: {{ . }}, protocol: TCP}
  {{- end }}
{{- include "bulkhead.probes" . }}
{{- with .values.lifecycle }}
lifecycle:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
securityContext:
  {{- include "bulkhead.containerSecurity" . | nindent 2 }}
volumeMounts:
  {{- if eq .component "ui" }}
  - {name: tmp, mountPath: /tmp}
  {{- if include "bulkhead.prefix" .root }}
  - {name: prefix, mountPath: /etc/nginx/prefix, readOnly: true}
  {{- end }}
  {{- else }}
  - {name: data, mountPath: /var/lib/bulkhead}
  {{- if include "bulkhead.hasConfig" .root }}
  - {name: config, mountPath: /etc/bulkhead, readOnly: true}
  {{- end }}
  {{- end }}
  {{- with .values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "bulkhead.configVolume" -}}
{{- if include "bulkhead.hasConfig" .root }}
{{- $own := .root.Values.gateway.config.existingConfigMap }}
- name: config
  configMap:
    name: {{ default (include "bulkhead.component" (dict "root" .root "component" "config")) $own.name }}
    items:
      - {key: {{ ternary $own.key "config.yaml" (ne $own.name "") }}, path: config.yaml}
{{- end }}
{{- end -}}

{{- define "bulkhead.volumes" -}}
{{- if eq .component "ui" }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if include "bulkhead.prefix" .root }}
- name: prefix
  configMap: {name: {{ include "bulkhead.component" (dict "root" .root "component" "ui") }}-prefix}
{{- end }}
{{- else if ne .component "gateway" }}
- name: data
  emptyDir: {sizeLimit: 64Mi}
{{- else if not .values.journal.persistence.enabled }}
- name: data
  emptyDir: {sizeLimit: {{ .values.journal.sizeLimit }}}
{{- end }}
{{- if ne .component "ui" }}
{{- include "bulkhead.configVolume" . }}
{{- end }}
{{- with .values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "bulkhead.podTemplate" -}}
metadata:
  {{- include "bulkhead.podMetadata" . | nindent 2 }}
spec:
  serviceAccountName: {{ include "bulkhead.serviceAccount" . }}
  automountServiceAccountToken: {{ (index .root.Values.serviceAccounts .component).automount }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds | default (include "bulkhead.stopSeconds" .) | int }}
  securityContext:
    {{- include "bulkhead.podSecurity" . | nindent 4 }}
  {{- include "bulkhead.podPlacement" . | nindent 2 }}
  {{- include "bulkhead.topologySpread" . | nindent 2 }}
  {{- if and (eq .component "backend") .root.Values.migrationJob.enabled (not (include "bulkhead.hooked" .root)) }}
  # The Job runs beside the rollout. Gateways do not wait for it: they start while the database is away.
  initContainers:
    - name: schema
      {{- include "bulkhead.image" (dict "root" .root "image" .values.image "shared" .root.Values.image) | nindent 6 }}
      args: [migrate, status, --check, --wait-seconds, "600"]
      env:
        {{- toYaml (concat (include "bulkhead.env.migrations" .root | fromYamlArray) .root.Values.migrationJob.extraEnv) | nindent 8 }}
      resources:
        {{- toYaml .root.Values.migrationJob.resources | nindent 8 }}
      securityContext:
        {{- include "bulkhead.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/bulkhead}
        {{- with .values.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  {{- end }}
  containers:
    - {{- include "bulkhead.container" . | nindent 6 }}
    {{- with .values.extraContainers }}
    {{- tpl (toYaml .) $.root | nindent 4 }}
    {{- end }}
  {{- with include "bulkhead.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}
