{{- /* What the schema cannot see: values that contradict each other. Each sentence names the key to change. */ -}}

{{- define "bulkhead.check.database" -}}
{{- $writer := .Values.database.writer -}}
{{- range $side := list "writer" "reader" -}}
{{- range $login := list "useIAMAuth" "useAzureEntraAuth" -}}
{{- if index $.Values.database $side $login -}}
{{- fail (printf "database.%s.%s: Bulkhead signs in to PostgreSQL with a password; leave it false and name a Secret in database.%s.passwordSecret" $side $login $side) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $writer.host $writer.urlSecret.name -}}
{{- fail "database.writer.urlSecret.name and database.writer.host are both set: the URL says the host already; leave one of them empty" -}}
{{- end -}}
{{- if not (or $writer.host $writer.urlSecret.name) -}}
{{- fail "database.writer.host is empty: name the PostgreSQL host that is written to (or a Secret with its URL in database.writer.urlSecret.name)" -}}
{{- end -}}
{{- if and $writer.host (not $writer.dbname) -}}
{{- fail "database.writer.dbname is empty: name the database on database.writer.host" -}}
{{- end -}}
{{- if and $writer.host (not $writer.passwordSecret.name) -}}
{{- fail "database.writer.passwordSecret.name is empty: name the Secret with user name and password of the database" -}}
{{- end -}}
{{- if and $writer.urlSecret.name .Values.database.reader.host (not (and .Values.database.reader.dbname .Values.database.reader.passwordSecret.name)) -}}
{{- fail "database.reader.dbname and database.reader.passwordSecret.name are needed with database.writer.urlSecret, whose parts a reader cannot take over" -}}
{{- end -}}
{{- end -}}

{{- define "bulkhead.check.scaling" -}}
{{- range $component := list "gateway" "backend" "ui" -}}
{{- $values := index $.Values $component -}}
{{- $scaled := or $values.hpa.enabled (dig "keda" "enabled" false $values) -}}
{{- $least := ternary $values.hpa.minReplicas (ternary (dig "keda" "minReplicas" 1 $values) ($values.replicaCount | default 1) (dig "keda" "enabled" false $values)) $values.hpa.enabled -}}
{{- if gt (int $values.hpa.minReplicas) (int $values.hpa.maxReplicas) -}}
{{- fail (printf "%s.hpa.minReplicas is %v and %s.hpa.maxReplicas is %v: the least cannot be more than the most" $component $values.hpa.minReplicas $component $values.hpa.maxReplicas) -}}
{{- end -}}
{{- if and $scaled $values.replicaCount -}}
{{- fail (printf "%s.replicaCount is set and the autoscaler is on: set %s.hpa.enabled=false for a fixed number" $component $component) -}}
{{- end -}}
{{- if and $values.hpa.enabled (not (or $values.hpa.targetCPUUtilizationPercentage $values.hpa.targetMemoryUtilizationPercentage (dig "targetRequestsInFlight" nil $values.hpa))) -}}
{{- fail (printf "%s.hpa.enabled needs a target: set %s.hpa.targetCPUUtilizationPercentage" $component $component) -}}
{{- end -}}
{{- if and (ne (toString $values.pdb.minAvailable) "") (ne (toString $values.pdb.maxUnavailable) "") -}}
{{- fail (printf "%s.pdb.minAvailable and %s.pdb.maxUnavailable are both set: Kubernetes takes one of them" $component $component) -}}
{{- end -}}
{{- if and $values.pdb.enabled (regexMatch "^[0-9]+$" (toString $values.pdb.minAvailable)) (gt (int $least) 1) (ge (int $values.pdb.minAvailable) (int $least)) -}}
{{- fail (printf "%s.pdb.minAvailable is %v of at least %v pods: no node could be drained; set it lower, or %s.pdb.maxUnavailable instead" $component $values.pdb.minAvailable $least $component) -}}
{{- end -}}
{{- end -}}
{{- $keda := .Values.gateway.keda -}}
{{- if $keda.enabled -}}
{{- if .Values.gateway.hpa.enabled -}}
{{- fail "gateway.keda.enabled and gateway.hpa.enabled are both true: two autoscalers would work against each other; set gateway.hpa.enabled=false" -}}
{{- end -}}
{{- if not $keda.serverAddress -}}
{{- fail "gateway.keda.serverAddress is empty: say where the Prometheus is that scrapes the gateways" -}}
{{- end -}}
{{- if gt (int $keda.minReplicas) (int $keda.maxReplicas) -}}
{{- fail (printf "gateway.keda.minReplicas is %v and gateway.keda.maxReplicas is %v: the least cannot be more than the most" $keda.minReplicas $keda.maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "bulkhead.check.stopping" -}}
{{- range $component := list "gateway" "backend" "ui" -}}
{{- $values := index $.Values $component -}}
{{- $needed := include "bulkhead.stopSeconds" (dict "values" $values) | int -}}
{{- $given := $values.terminationGracePeriodSeconds -}}
{{- if and (not (has (toString $given) (list "" "<nil>"))) (lt (int $given) $needed) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds is %v, and preStop with %s.drain takes %d: the pod would be killed with requests running" $component $given $component $needed) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "bulkhead.check.ports" -}}
{{- range $component := list "gateway" "backend" "ui" -}}
{{- $values := index $.Values $component -}}
{{- $names := list $values.service.portName -}}
{{- with $values.service.healthPort -}}
{{- $names = append $names "health" -}}
{{- if eq (int .) (include "bulkhead.port" $values | int) -}}
{{- fail (printf "%s.service.healthPort is the port of requests (%v): give probes one of their own" $component .) -}}
{{- end -}}
{{- end -}}
{{- range $probe := list "livenessProbe" "readinessProbe" "startupProbe" -}}
{{- $port := dig "httpGet" "port" "" (index $values $probe | default dict) -}}
{{- if and (kindIs "string" $port) $port (not (has $port $names)) -}}
{{- fail (printf "%s.%s.httpGet.port is %q, and the container's ports are %s (%s.service.portName)" $component $probe $port (join ", " $names) $component) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "bulkhead.check.components" -}}
{{- $door := .Values.gateway.frontDoor.enabled -}}
{{- if and $door (not (and .Values.gateway.enabled .Values.backend.enabled)) -}}
{{- fail "gateway.frontDoor.enabled needs gateway.enabled and backend.enabled: it passes on to the backend" -}}
{{- end -}}
{{- if and (or .Values.ingress.enabled .Values.httpRoute.enabled) (not (or .Values.gateway.enabled .Values.backend.enabled)) -}}
{{- fail "ingress.enabled or httpRoute.enabled is true with neither gateway.enabled nor backend.enabled: there is nothing to route to" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is empty: name the Gateway that the route belongs to" -}}
{{- end -}}
{{- if and .Values.helmTest.enabled (not .Values.helmTest.url) (not (and .Values.gateway.enabled .Values.backend.enabled)) -}}
{{- fail "helmTest.url is empty, and gateway.enabled or backend.enabled is false: say where to ask, or set helmTest.enabled=false" -}}
{{- end -}}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.monitoring.podMonitor.enabled -}}
{{- fail "monitoring.serviceMonitor.enabled and monitoring.podMonitor.enabled are both true: every sample would count twice" -}}
{{- end -}}
{{- if and .Values.monitoring.authorization.secretName (not .Values.monitoring.authorization.secretKey) -}}
{{- fail "monitoring.authorization.secretKey is empty: name the key within monitoring.authorization.secretName" -}}
{{- end -}}
{{- end -}}

{{- define "bulkhead.check.paths" -}}
{{- $taken := dict -}}
{{- $first := "" -}}
{{- with include "bulkhead.prefix" . -}}
{{- $first = splitList "/" . | rest | first -}}
{{- end -}}
{{- range .Files.Get "files/routes.json" | fromJsonArray -}}
{{- $_ := set $taken .path .component -}}
{{- if and $first (eq $first (splitList "/" .path | rest | first)) -}}
{{- fail (printf "serverRootPath is %s, and /%s is a path of the API itself: take another, such as /llm" $.Values.serverRootPath $first) -}}
{{- end -}}
{{- end -}}
{{- range $index, $extra := .Values.ingress.extraPaths -}}
{{- if hasKey $taken $extra.path -}}
{{- fail (printf "ingress.extraPaths[%d].path %s is routed already: take it out" $index $extra.path) -}}
{{- end -}}
{{- $_ := set $taken $extra.path "extra" -}}
{{- if not (index $.Values (default "gateway" $extra.service)).enabled -}}
{{- fail (printf "ingress.extraPaths[%d].service is %s, which is not enabled" $index (default "gateway" $extra.service)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.extraPaths .Values.gateway.frontDoor.enabled -}}
{{- fail "ingress.extraPaths with gateway.frontDoor.enabled: everything goes through the gateway already" -}}
{{- end -}}
{{- end -}}

{{- /* path, value → fails at the first secret that is written out. */ -}}
{{- define "bulkhead.check.secrets" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
{{- range $name, $value := .value -}}
{{- $here := printf "%s.%s" $path $name -}}
{{- if and (kindIs "string" $value) (regexMatch "(^|_)(api_key|master_key|password|secret|secret_access_key|session_token|database_url|redis_url)$" $name) -}}
{{- if not (or (has $value (list "" "none" "dummy")) (hasPrefix "os.environ/" $value)) -}}
{{- fail (printf "%s is written out: values end up in ConfigMaps; keep it in a Secret, name that in gateway.envSecrets, and write os.environ/NAME here" $here) -}}
{{- end -}}
{{- end -}}
{{- include "bulkhead.check.secrets" (dict "path" $here "value" $value) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "bulkhead.check.secrets" (dict "path" (printf "%s[%d]" $path $index) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "bulkhead.check.config" -}}
{{- $config := .Values.gateway.config -}}
{{- include "bulkhead.check.secrets" (dict "path" "gateway.config.proxy_config" "value" $config.proxy_config) -}}
{{- if dig "general_settings" "database_url" "" $config.proxy_config -}}
{{- fail "gateway.config.proxy_config.general_settings.database_url: the migrations Job does not read it; set database.writer" -}}
{{- end -}}
{{- if and $config.create $config.existingConfigMap.name -}}
{{- fail "gateway.config.existingConfigMap.name and gateway.config.create are both set: set gateway.config.create=false to use yours" -}}
{{- end -}}
{{- if and $config.proxy_config (not $config.create) -}}
{{- fail "gateway.config.proxy_config is set and gateway.config.create is false: it would not be used" -}}
{{- end -}}
{{- end -}}

{{- /* What the chart sets cannot be set beside it: which of the two holds would be chance. */ -}}
{{- define "bulkhead.check.env" -}}
{{- range $component, $extra := dict "gateway" .Values.gateway.extraEnv "backend" .Values.backend.extraEnv "migrations" .Values.migrationJob.extraEnv -}}
{{- $set := list -}}
{{- range include (printf "bulkhead.env.%s" $component) $ | fromYamlArray -}}
{{- $set = append $set .name -}}
{{- end -}}
{{- range $index, $one := $extra -}}
{{- if has $one.name $set -}}
{{- fail (printf "%s.extraEnv[%d] sets %s, which the chart sets from a value of its own" (ternary "migrationJob" $component (eq $component "migrations")) $index $one.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A quantity in MiB. */ -}}
{{- define "bulkhead.mib" -}}
{{- $number := regexFind "^[0-9.]+" . | float64 -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- divf (mulf $number (index (dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0) $unit)) 1048576.0 | int64 -}}
{{- end -}}

{{- define "bulkhead.check.journal" -}}
{{- $journal := .Values.gateway.journal -}}
{{- $key := ternary "gateway.journal.persistence.size" "gateway.journal.sizeLimit" $journal.persistence.enabled -}}
{{- $size := ternary $journal.persistence.size $journal.sizeLimit $journal.persistence.enabled -}}
{{- $room := include "bulkhead.mib" $size | int64 -}}
{{- $needed := mulf 1.25 $journal.maxSizeMb | int64 -}}
{{- if lt $room $needed -}}
{{- fail (printf "%s is %s, less than gateway.journal.maxSizeMb (%v MiB) and a quarter more for the copies of policy and models" $key $size $journal.maxSizeMb) -}}
{{- end -}}
{{- end -}}

{{- define "bulkhead.checks" -}}
{{- range $check := list "database" "scaling" "stopping" "ports" "components" "paths" "config" "env" "journal" -}}
{{- include (printf "bulkhead.check.%s" $check) $ -}}
{{- end -}}
{{- end -}}
