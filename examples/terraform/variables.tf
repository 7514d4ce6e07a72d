variable "region" {
  description = "Where the function runs, and the layer is"
  type        = string
}

variable "extension_layer" {
  description = "The ARN of the layer for arm64, with its version"
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.extension_layer))
    error_message = "Write arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION."
  }
}

variable "remote_address" {
  description = "Where profiles go"
  type        = string
  default     = "https://profiles-prod-001.grafana.net"
}

variable "secret" {
  description = "The name of the secret with the user and the password"
  type        = string
  default     = "pyroscope"
}
