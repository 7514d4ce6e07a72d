// A Lambda function that takes orders, under the Pyroscope SDK for Go: uneven work, for the end-to-end tests.
//
// PYROSCOPE_SERVER_ADDRESS says where profiles go, UPLOAD_SECONDS how often, FLUSH=true sends them in every invocation.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/grafana/pyroscope-go"
)

type order struct {
	WorkMs int `json:"work_ms"`
}

type receipt struct {
	Total   int `json:"total_cents"`
	Printed int `json:"printed_bytes"`
	Missing int `json:"missing"`
}

//go:noinline
func priceBasket(until time.Time) (total int) {
	for time.Now().Before(until) {
		for article := range 20_000 {
			total += article * 97 % 9900
		}
	}
	return total
}

//go:noinline
func renderReceipt(until time.Time) (printed int) {
	for time.Now().Before(until) {
		var receipt strings.Builder
		for article := range 500 {
			fmt.Fprintf(&receipt, "%4d  %9d.99\n", article, article*7)
		}
		printed = receipt.Len()
	}
	return printed
}

//go:noinline
func checkStock(until time.Time) (missing int) {
	warehouse := make(map[int]int)
	for article := range 2000 {
		warehouse[article] = article % 7
	}
	for time.Now().Before(until) {
		for article := range 500 {
			if _, there := warehouse[article]; !there {
				missing++
			}
		}
	}
	return missing
}

func takeOrder(order order) receipt {
	start := time.Now()
	work := time.Duration(order.WorkMs) * time.Millisecond
	return receipt{
		Total:   priceBasket(start.Add(work * 60 / 100)),
		Printed: renderReceipt(start.Add(work * 85 / 100)),
		Missing: checkStock(start.Add(work)),
	}
}

func main() {
	profiler, err := pyroscope.Start(pyroscope.Config{
		ApplicationName: "orders/go",
		ServerAddress:   variable("PYROSCOPE_SERVER_ADDRESS", "http://localhost:4040"),
		Tags:            map[string]string{"region": "local", "team": "checkout"},
		UploadRate:      uploadRate(),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "no profiles:", err)
		os.Exit(1)
	}
	flush := os.Getenv("FLUSH") == "true"
	handler := func(_ context.Context, order order) (receipt, error) {
		receipt := takeOrder(order)
		if flush {
			profiler.Flush(true)
		}
		return receipt, nil
	}
	lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() {
		// Sends what was sampled since the last upload, and waits for it, which Stop doesn't.
		profiler.Flush(true)
		os.Exit(0)
	}))
}

func uploadRate() time.Duration {
	seconds, err := strconv.ParseFloat(variable("UPLOAD_SECONDS", "2"), 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, "UPLOAD_SECONDS:", err)
		os.Exit(1)
	}
	return time.Duration(seconds * float64(time.Second))
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
