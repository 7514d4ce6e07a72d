// Takes orders, profiled.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/grafana/pyroscope-go"
)

type order struct {
	Items []item `json:"items"`
}

type item struct {
	Price float64 `json:"price"`
	Count float64 `json:"count"`
}

type receipt struct {
	Total float64 `json:"total"`
}

func takeOrder(_ context.Context, order order) (receipt, error) {
	var total float64
	for _, item := range order.Items {
		total += item.Price * item.Count
	}
	return receipt{Total: total}, nil
}

func main() {
	profiler, err := pyroscope.Start(pyroscope.Config{
		ApplicationName: "orders",
		ServerAddress:   "http://localhost:4040",
		Tags:            map[string]string{"region": os.Getenv("AWS_REGION")},
		UploadRate:      10 * time.Second,
	})
	if err != nil {
		// The function comes first.
		log.Print("no profiles: ", err)
		lambda.Start(takeOrder)
		return
	}
	lambda.StartWithOptions(takeOrder, lambda.WithEnableSIGTERM(func() {
		// Sends the last profile, and waits for it, which Stop doesn't.
		profiler.Flush(true)
		os.Exit(0)
	}))
}
