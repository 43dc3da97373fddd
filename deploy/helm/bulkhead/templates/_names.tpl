{{- define "bulkhead.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "bulkhead.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "bulkhead.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "bulkhead.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* root, component → what selects its pods. Never changes: selectors cannot. */ -}}
{{- define "bulkhead.selector" -}}
app.kubernetes.io/name: {{ include "bulkhead.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "bulkhead.labels" -}}
{{ include "bulkhead.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "bulkhead.component" -}}
{{ include "bulkhead.fullname" .root }}-{{ .component }}
{{- end -}}

{{- /* root, image (of the component), shared (its fall-back) → image and imagePullPolicy of a container. */ -}}
{{- define "bulkhead.image" -}}
{{- $own := .image -}}
{{- $repository := default .shared.repository $own.repository -}}
{{- $shares := eq $repository .shared.repository -}}
{{- $digest := default (ternary .shared.digest "" (and $shares (not $own.tag))) $own.digest -}}
{{- $tag := default (ternary .shared.tag "" $shares) $own.tag | default .root.Chart.AppVersion -}}
image: {{ ternary (printf "%s@%s" $repository $digest) (printf "%s:%s" $repository $tag) (ne $digest "") | quote }}
imagePullPolicy: {{ default .shared.pullPolicy $own.pullPolicy }}
{{- end -}}

{{- define "bulkhead.port" -}}
{{- .service.containerPort | default .service.port -}}
{{- end -}}

{{- define "bulkhead.serviceAccount" -}}
{{- $account := index .root.Values.serviceAccounts .component -}}
{{- if $account.create -}}
{{- default (include "bulkhead.component" .) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{- /* The path prefix without its last slash; empty for none. */ -}}
{{- define "bulkhead.prefix" -}}
{{- .Values.serverRootPath | trimSuffix "/" -}}
{{- end -}}

{{- define "bulkhead.metricsSecret" -}}
{{- $key := .Values.monitoring.authorization -}}
name: {{ default .Values.masterKey.secretName $key.secretName }}
key: {{ default .Values.masterKey.secretKey $key.secretKey }}
{{- end -}}

{{- /* Whether the migrations run before everything else. */ -}}
{{- define "bulkhead.hooked" -}}
{{- if or .Values.migrationJob.hooks.helm.enabled .Values.migrationJob.hooks.argocd.enabled -}}yes{{- end -}}
{{- end -}}

{{- define "bulkhead.hasConfig" -}}
{{- $config := .Values.gateway.config -}}
{{- if or $config.existingConfigMap.name (and $config.create $config.proxy_config) -}}yes{{- end -}}
{{- end -}}

{{- /* Values of a component laid over those of all. */ -}}
{{- define "bulkhead.podSecurity" -}}
{{- toYaml (mergeOverwrite (deepCopy .root.Values.podSecurityContext) .values.podSecurityContext) -}}
{{- end -}}
{{- define "bulkhead.containerSecurity" -}}
{{- toYaml (mergeOverwrite (deepCopy .root.Values.securityContext) .values.securityContext) -}}
{{- end -}}

{{- /* Seconds of a preStop that only sleeps; 0 where there is none or it does something else. */ -}}
{{- define "bulkhead.preStopSeconds" -}}
{{- dig "preStop" "sleep" "seconds" 0 (.lifecycle | default dict) -}}
{{- end -}}

{{- /* root, component, values → seconds that a pod needs to stop in good order. */ -}}
{{- define "bulkhead.stopSeconds" -}}
{{- $drain := .values.drain -}}
{{- add (include "bulkhead.preStopSeconds" .values | int) (dig "delaySeconds" 0 $drain | int) (dig "seconds" 10 $drain | int) (dig "shipSeconds" 5 $drain | int) -}}
{{- end -}}
