{{- define "whopwatch.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "whopwatch.env" -}}
{{- range $name, $value := .Values.env }}
- {name: {{ $name | quote }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "whopwatch.config" -}}
{{ .Values.config.existingConfigMap | default "whopwatch-probes" }}
{{- end }}

{{- define "whopwatch.files" -}}
probes.toml: |
  {{- .Values.config.probes | default (.Files.Get "files/probes.toml") | nindent 2 }}
accepted.yaml: |
  {{- .Values.config.accepted | default (.Files.Get "files/accepted.yaml") | nindent 2 }}
{{- end }}
