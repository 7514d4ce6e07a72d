module orders

go 1.26

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/grafana/pyroscope-go v1.4.3
)

require (
	github.com/grafana/pyroscope-go/godeltaprof v0.1.11 // indirect
	github.com/klauspost/compress v1.18.7 // indirect
)
