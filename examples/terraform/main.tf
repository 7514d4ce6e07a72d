# A Go function with the extension, by Terraform or OpenTofu.
#
#   (cd function && CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o ../build/bootstrap .)
#   terraform init && terraform apply

terraform {
  required_version = ">= 1.5"

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region = var.region
}

# A secret with the keys `user` and `password`.
data "aws_secretsmanager_secret_version" "pyroscope" {
  secret_id = var.secret
}

data "archive_file" "orders" {
  type        = "zip"
  source_file = "${path.module}/build/bootstrap"
  output_path = "${path.module}/build/orders.zip"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "orders" {
  name               = "orders"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.orders.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "orders" {
  function_name    = "orders"
  description      = "Takes orders"
  role             = aws_iam_role.orders.arn
  filename         = data.archive_file.orders.output_path
  source_code_hash = data.archive_file.orders.output_base64sha256
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  # The architecture of the layer.
  architectures = ["arm64"]
  memory_size   = 512
  timeout       = 10
  layers        = [var.extension_layer]

  environment {
    variables = {
      PYROSCOPE_REMOTE_ADDRESS      = var.remote_address
      PYROSCOPE_BASIC_AUTH_USER     = local.credentials.user
      PYROSCOPE_BASIC_AUTH_PASSWORD = local.credentials.password
    }
  }
}

locals {
  credentials = jsondecode(data.aws_secretsmanager_secret_version.pyroscope.secret_string)
}

output "function_name" {
  description = "The function"
  value       = aws_lambda_function.orders.function_name
}
