{{- define "bulkhead.env.secret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}
{{- end -}}

{{- define "bulkhead.env.keys" -}}
{{ include "bulkhead.env.secret" (dict "name" "LITELLM_MASTER_KEY" "secret" .Values.masterKey.secretName "key" .Values.masterKey.secretKey) }}
{{- with .Values.saltKey }}
{{- if .secretName }}
{{ include "bulkhead.env.secret" (dict "name" "LITELLM_SALT_KEY" "secret" .secretName "key" .secretKey) }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* suffix, side (writer or reader), secret (with names of its keys) → the parts that are set; a reader takes the rest from the writer's. */ -}}
{{- define "bulkhead.env.databaseParts" -}}
- {name: DATABASE_HOST{{ .suffix }}, value: {{ .side.host | quote }}}
{{- with .side.port }}
- {name: DATABASE_PORT{{ $.suffix }}, value: {{ . | toString | quote }}}
{{- end }}
{{- with .side.dbname }}
- {name: DATABASE_NAME{{ $.suffix }}, value: {{ . | quote }}}
{{- end }}
{{- with .side.schema }}
- {name: DATABASE_SCHEMA{{ $.suffix }}, value: {{ . | quote }}}
{{- end }}
{{- if .secret.name }}
{{ include "bulkhead.env.secret" (dict "name" (printf "DATABASE_USERNAME%s" .suffix) "secret" .secret.name "key" .secret.usernameKey) }}
{{ include "bulkhead.env.secret" (dict "name" (printf "DATABASE_PASSWORD%s" .suffix) "secret" .secret.name "key" .secret.passwordKey) }}
{{- end }}
{{- end -}}

{{- define "bulkhead.env.writer" -}}
{{- $writer := .Values.database.writer -}}
{{- if $writer.urlSecret.name }}
{{ include "bulkhead.env.secret" (dict "name" "DATABASE_URL" "secret" $writer.urlSecret.name "key" $writer.urlSecret.key) }}
{{- else if $writer.host }}
{{ include "bulkhead.env.databaseParts" (dict "suffix" "" "side" $writer "secret" $writer.passwordSecret) }}
{{- end }}
{{- with $writer.sslMode }}
- {name: DATABASE_SSLMODE, value: {{ . | quote }}}
{{- end }}
{{- with $writer.sslRootCert }}
- {name: DATABASE_SSLROOTCERT, value: {{ . | quote }}}
{{- end }}
{{- end -}}

{{- define "bulkhead.env.reader" -}}
{{- $reader := .Values.database.reader -}}
{{- if $reader.host }}
{{- $writers := .Values.database.writer.passwordSecret -}}
{{- $own := $reader.passwordSecret -}}
{{- $secret := dict "name" $own.name "usernameKey" (default $writers.usernameKey $own.usernameKey) "passwordKey" (default $writers.passwordKey $own.passwordKey) }}
{{ include "bulkhead.env.databaseParts" (dict "suffix" "_READ_REPLICA" "side" $reader "secret" $secret) }}
{{- end }}
{{- end -}}

{{- define "bulkhead.env.redis" -}}
{{- $redis := .Values.redis -}}
{{- if $redis.host }}
{{- if $redis.cluster }}
- {name: REDIS_CLUSTER_NODES, value: {{ list (dict "host" $redis.host "port" $redis.port) | toJson | quote }}}
{{- else }}
- {name: REDIS_HOST, value: {{ $redis.host | quote }}}
- {name: REDIS_PORT, value: {{ $redis.port | toString | quote }}}
{{- end }}
{{- if $redis.passwordSecret.name }}
{{ include "bulkhead.env.secret" (dict "name" "REDIS_PASSWORD" "secret" $redis.passwordSecret.name "key" $redis.passwordSecret.passwordKey) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "bulkhead.env.common" -}}
- {name: BULKHEAD_DATA_DIR, value: /var/lib/bulkhead}
{{- if include "bulkhead.hasConfig" .root }}
- {name: CONFIG_FILE_PATH, value: /etc/bulkhead/config.yaml}
{{- end }}
- {name: LITELLM_LOG, value: {{ .values.logLevel }}}
- {name: PORT, value: {{ include "bulkhead.port" .values | quote }}}
{{- with include "bulkhead.prefix" .root }}
- {name: SERVER_ROOT_PATH, value: {{ . | quote }}}
{{- end }}
{{ include "bulkhead.env.keys" .root }}
{{- include "bulkhead.env.writer" .root }}
{{- include "bulkhead.env.redis" .root }}
{{- end -}}

{{- define "bulkhead.env.gateway" -}}
{{- $gateway := .Values.gateway -}}
{{ include "bulkhead.env.common" (dict "root" . "values" $gateway) }}
{{- with $gateway.numWorkers }}
- {name: NUM_WORKERS, value: {{ . | toString | quote }}}
{{- end }}
- {name: SEPARATE_HEALTH_PORT, value: {{ $gateway.service.healthPort | toString | quote }}}
- {name: BULKHEAD_DRAIN_DELAY, value: {{ $gateway.drain.delaySeconds | toString | quote }}}
- {name: GRACEFUL_SHUTDOWN_TIMEOUT, value: {{ $gateway.drain.seconds | toString | quote }}}
- {name: BULKHEAD_JOURNAL_MAX_SIZE_MB, value: {{ $gateway.journal.maxSizeMb | int | toString | quote }}}
{{- end -}}

{{- define "bulkhead.env.backend" -}}
{{ include "bulkhead.env.common" (dict "root" . "values" .Values.backend) }}
- {name: BULKHEAD_DRAIN_DELAY, value: {{ .Values.backend.drain.delaySeconds | toString | quote }}}
{{- include "bulkhead.env.reader" . }}
{{- end -}}

{{- define "bulkhead.env.ui" -}}
{{- end -}}

{{- define "bulkhead.env.migrations" -}}
- {name: BULKHEAD_DATA_DIR, value: /var/lib/bulkhead}
{{- include "bulkhead.env.writer" . }}
{{- end -}}
