{{- define "bulkhead.alerts" -}}
{{- $rule := .Values.monitoring.prometheusRule -}}
{{- $pods := printf `namespace="%s",pod=~"%s-gateway-.*"` .Release.Namespace (include "bulkhead.fullname" .) -}}
- alert: BulkheadLedgerLate
  expr: max by (pod) (bulkhead_journal_lag_seconds{ {{- $pods -}} }) > {{ $rule.ledgerLagSeconds }}
  for: 2m
  labels: {severity: warning}
  annotations:
    summary: Usage waits in the journal of {{ "{{ $labels.pod }}" }} and is not in the database
    description: The database is away or slow. Nothing is lost until the journal is full; reports and budgets of other gateways lag.
- alert: BulkheadJournalFull
  expr: max by (pod) (bulkhead_journal_backlog_bytes{ {{- $pods -}} }) > {{ mulf 0.8 .Values.gateway.journal.maxSizeMb 1048576 | int64 }}
  labels: {severity: critical}
  annotations:
    summary: The journal of {{ "{{ $labels.pod }}" }} is at four fifths of its bound
    description: When it is full, records are dropped and counted, or calls refused with journal_strict. Bring the database back.
- alert: BulkheadUsageLost
  expr: max by (pod) (bulkhead_journal_refused_records{ {{- $pods -}} } + bulkhead_journal_rejected_events{ {{- $pods -}} } + bulkhead_journal_quarantined_files{ {{- $pods -}} }) > 0
  labels: {severity: critical}
  annotations:
    summary: Usage of {{ "{{ $labels.pod }}" }} did not reach the ledger
    description: Records had no room, were refused by the database, or did not check. The log says which; .corrupt files keep what can be kept.
- alert: BulkheadPolicyStale
  expr: max by (pod) (bulkhead_policy_staleness_seconds{ {{- $pods -}} }) > {{ $rule.policyStalenessSeconds }}
  for: 1m
  labels: {severity: warning}
  annotations:
    summary: The gateway {{ "{{ $labels.pod }}" }} decides by an old policy
    description: It does not see changes of keys and budgets; known keys go on working, revoked ones too.
- alert: BulkheadPolicyUnreadable
  expr: max by (pod) (bulkhead_policy_unreadable_keys{ {{- $pods -}} }) > 0
  labels: {severity: warning}
  annotations:
    summary: Keys are refused since their stored policy cannot be read
    description: The log of the gateway names them.
- alert: BulkheadErrors
  expr: >-
    sum(rate(bulkhead_requests_total{ {{- $pods -}} ,code=~"5.."}[5m]))
    / sum(rate(bulkhead_requests_total{ {{- $pods -}} }[5m])) > {{ $rule.errorRatio }}
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: More than {{ $rule.errorRatio }} of answers are server errors
    description: Look at bulkhead_upstream_failures_total by reason, and at bulkhead_deployments_cooling.
- alert: BulkheadBudgetAtRisk
  expr: sum by (kind) (increase(bulkhead_soft_budget_crossings_total{ {{- $pods -}} }[15m])) > 0
  labels: {severity: info}
  annotations:
    summary: A soft budget of a {{ "{{ $labels.kind }}" }} is used up
    description: The gateway's log names it. At the hard budget calls are refused.
- alert: BulkheadGatewayDown
  expr: up{ {{- $pods -}} } == 0
  for: 2m
  labels: {severity: critical}
  annotations:
    summary: The gateway {{ "{{ $labels.pod }}" }} does not answer Prometheus
    description: It is down, or the key of the monitor is not accepted.
- alert: BulkheadMigrationFailed
  expr: kube_job_status_failed{namespace="{{ .Release.Namespace }}",job_name=~"{{ include "bulkhead.fullname" . }}-migrations.*"} > 0
  labels: {severity: critical}
  annotations:
    summary: A migration of the schema failed
    description: The versions before go on serving. Read the Job's log, and run the upgrade again; migrations are safe to repeat.
{{- end -}}
