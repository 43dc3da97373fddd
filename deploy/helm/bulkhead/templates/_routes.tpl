{{- /* Which path goes where: `bulkhead routes --format json`, kept in files/routes.json, without what is not installed, with the
extra paths before the catch-all, all of them beneath the prefix. With the front door everything goes to the gateway.
→ JSON list of {path, match, component} */ -}}
{{- define "bulkhead.routes" -}}
{{- $routes := list -}}
{{- if .Values.gateway.frontDoor.enabled -}}
{{- $routes = list (dict "path" "/" "match" "prefix" "component" "gateway") -}}
{{- else -}}
{{- $last := list -}}
{{- range .Files.Get "files/routes.json" | fromJsonArray -}}
{{- if (index $.Values .component).enabled -}}
{{- if and (eq .path "/") (eq .match "prefix") -}}
{{- $last = append $last . -}}
{{- else -}}
{{- $routes = append $routes . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.ingress.extraPaths -}}
{{- $routes = append $routes (dict "path" .path "match" (default "Prefix" .pathType | lower) "component" (default "gateway" .service)) -}}
{{- end -}}
{{- $routes = concat $routes $last -}}
{{- end -}}
{{- $prefix := include "bulkhead.prefix" . -}}
{{- $placed := list -}}
{{- range $routes -}}
{{- if and $prefix (eq .path "/") -}}
{{- $placed = append $placed (dict "path" $prefix "match" .match "component" .component) -}}
{{- if eq .match "exact" -}}
{{- $placed = append $placed (dict "path" (print $prefix "/") "match" .match "component" .component) -}}
{{- end -}}
{{- else -}}
{{- $placed = append $placed (dict "path" (print $prefix .path) "match" .match "component" .component) -}}
{{- end -}}
{{- end -}}
{{- toJson $placed -}}
{{- end -}}

{{- define "bulkhead.controller" -}}
{{- .Values.ingress.controller | default (ternary "alb" "nginx" (eq .Values.ingress.className "alb")) -}}
{{- end -}}

{{- /* MiB that a request may have. */ -}}
{{- define "bulkhead.bodyMb" -}}
{{- dig "general_settings" "max_request_size_mb" 50 .Values.gateway.config.proxy_config -}}
{{- end -}}

{{- /* Streams are passed on as they come, and may be long: 6000 s is the longest that an answer may take. */ -}}
{{- define "bulkhead.ingressAnnotations" -}}
{{- if eq (include "bulkhead.controller" .) "alb" -}}
alb.ingress.kubernetes.io/target-type: ip
alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=4000
alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds={{ add .Values.gateway.drain.delaySeconds .Values.gateway.drain.seconds }}
{{- else -}}
nginx.ingress.kubernetes.io/proxy-buffering: "off"
nginx.ingress.kubernetes.io/proxy-request-buffering: "off"
nginx.ingress.kubernetes.io/proxy-http-version: "1.1"
nginx.ingress.kubernetes.io/proxy-read-timeout: "6000"
nginx.ingress.kubernetes.io/proxy-send-timeout: "6000"
nginx.ingress.kubernetes.io/proxy-body-size: {{ include "bulkhead.bodyMb" . }}m
{{- end }}
{{- end -}}
