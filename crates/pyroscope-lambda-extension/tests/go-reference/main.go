// Writes down what Go and logrus make of values, times and log lines, for the tests to compare with.
// Run it here with `go run .` to write the JSON files beside it anew; the tests need no Go.
package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"
)

type valueCase struct {
	Text  string `json:"text"`
	Value any    `json:"value"`
}

type layoutCase struct {
	Layout string `json:"layout"`
	Nanos  int64  `json:"nanos"`
	Text   string `json:"text"`
}

type lineCase struct {
	Name string `json:"name"`
	Text string `json:"text"`
	JSON string `json:"json"`
}

func main() {
	write("bools.json", bools())
	write("durations.json", durations())
	write("layouts.json", layouts())
	write("messages.json", messages())
	write("floats.json", floats())
	write("lines.json", lines())
}

func write(name string, content any) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	must(encoder.Encode(content))
	must(os.WriteFile(name, out.Bytes(), 0o644))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func bools() (cases []valueCase) {
	for _, text := range []string{"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
		"", "tRUE", "yes", "no", "on", "off", "2", "-1", "01", "y", "n", "truE", "true ", " true"} {
		if value, err := strconv.ParseBool(text); err == nil {
			cases = append(cases, valueCase{text, value})
		} else {
			cases = append(cases, valueCase{text, nil})
		}
	}
	return cases
}

func durations() (cases []valueCase) {
	for _, text := range []string{"0", "+0", "-0", "5s", "30s", "1478s", "-5s", "+5s", "5.0s", "5.6s", "5.s", ".5s", "-.5s", "1.0s",
		"1.00s", "1.004s", "1.0040s", "100.00100s", "10ns", "11us", "12µs", "12μs", "13ms", "14s", "15m", "16h", "1m30s", "1.5h",
		"3h30m", "10.5s4m", "-2m3.4s", "1h2m3s4ms5us6ns", "39h9m14.425s", "52763797000ns", "0.3333333333333333333h",
		"9007199254740993ns", "9223372036854775807ns", "9223372036854775.807us", "9223372036s854ms775us807ns",
		"-9223372036854775808ns", "-9223372036854775.808us", "9223372036854775808ns", "9223372036854775.808us",
		"-9223372036854775809ns", "0.100000000000000000000h", "0.830103483285477580700h", "0.000000000000000000001s", "2562047h47m16s",
		"2562048h", "3000000h", "9223372036854ms775us808ns", "18446744073709551616ns", "", "3", "10", "-", "+", "s", ".", "-.", ".s",
		"+.s", "1d", "1w", "1.5", "1 s", " 1s", "1s ", "1S", "1M", "1h-2m", "--1s", "1.2.3s", "1e3s", "0x1s", "1µ", "\x85", "１s", "1s1",
		"0s", "0.0s", "10seconds", "1m 30s", "1,5s"} {
		if value, err := time.ParseDuration(text); err == nil {
			// As text: not every reader of JSON has 64 bits for a number.
			cases = append(cases, valueCase{text, strconv.FormatInt(int64(value), 10)})
		} else {
			cases = append(cases, valueCase{text, nil})
		}
	}
	return cases
}

func layouts() (cases []layoutCase) {
	times := []time.Time{
		time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		time.Date(2009, 2, 4, 21, 0, 57, 12345600, time.UTC),
		time.Date(2024, 12, 31, 0, 5, 9, 999999999, time.UTC),
		time.Date(1969, 7, 20, 12, 17, 40, 500000000, time.UTC),
	}
	for _, layout := range []string{time.RFC3339, time.RFC3339Nano, time.ANSIC, time.UnixDate, time.RubyDate, time.RFC822, time.RFC822Z,
		time.RFC850, time.RFC1123, time.RFC1123Z, time.Kitchen, time.Stamp, time.StampMilli, time.StampMicro, time.StampNano,
		time.DateTime, time.DateOnly, time.TimeOnly, time.Layout, "Jan _2 15:04:05.000", "Monday, January 2, 2006", "002", "__2",
		"2006-002", "2006-__2", "_2006", "_2_2006", "Z07:00:00 Z070000 Z07 Z0700", "-070000 -07:00:00 -0700 -07:00 -07", "-0", "-7",
		"15:04:05,000", "15:04:05.999999", "15:04:05,999", "05.9", "05.0", "05.0000000000", "05.99999999999", "05.0001", "05.99x", "05.00x",
		"05..00", "05.,00", ".000", "3:4:5 pm", "03:04:05PM", "3PM", "Pm", "pM", "Janet", "Month", "Mondayish", "Januaryish", "Jan.", "Mon.", "JanJan",
		"1/2/06", "01/02/2006", "060102", "20060102150405", "2006010215", "200601021504.000", "y2006m1d2", "Unix", "", "%Y-%m-%d", "RFC", "äöü 2006 ß",
		"MST", "MSTMST", "UTC", "20", "200", "2007", "00", "0", "07", "_", "__", "_2", "___2", "1504", "115", "Z", "Z0", "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05.000-07:00"} {
		for _, at := range times {
			cases = append(cases, layoutCase{layout, at.UnixNano(), at.Format(layout)})
		}
	}
	return cases
}

// One line without a timestamp from each of the two formatters.
func line(name string, level logrus.Level, message string, fields logrus.Fields, names logrus.FieldMap) lineCase {
	one := func(formatter logrus.Formatter) string {
		var out bytes.Buffer
		logger := logrus.New()
		logger.SetOutput(&out)
		logger.SetLevel(logrus.TraceLevel)
		logger.SetFormatter(formatter)
		at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		all := logrus.Fields{"svc": "pyroscope-lambda-ext-main"}
		for key, value := range fields {
			all[key] = value
		}
		logger.WithFields(all).WithTime(at).Log(level, message)
		return out.String()
	}
	return lineCase{name, one(&logrus.TextFormatter{FieldMap: names}), one(&logrus.JSONFormatter{FieldMap: names})}
}

func messages() (cases []lineCase) {
	for _, text := range []string{"plain", "two words", "", "a-b.c_d/e@f^g+h", "a=b", "a:b", "say \"hi\"", "back\\slash", "line\nbreak", "\r\n", "tab\there",
		"\a\b\f\v", "\x00\x01\x1b[31mred\x7f", "it's", "`tick`", "<a href=\"x\">&</a>", "zürich", "naïve café", "日本語", "🔥", "e\u0301", "\u00a0", "\u00ad", "\u200b", "\u200d", "\u2028\u2029",
		"\ufeff", "\ue000", "\U0010ffff", "\u0085", "\u3000", "\u0378", "a\u0301\u0302", "\u0301", "٣", "½", "€", "\ufffd", "{\"json\":true}", "100%", "%s %d", "$HOME", "~", "(x)", "[y]", ",", ";", "#", "!", "*", "|"} {
		cases = append(cases, line(text, logrus.InfoLevel, text, nil, nil))
	}
	return cases
}

func floats() (cases []lineCase) {
	for _, value := range []float64{0, math.Copysign(0, -1), 1, -1, 0.5, 1.5, 3.14159, 100000, 999999, 1e6, 1234567, 123456789, 12345678.5, 1e20, 1e21, 1.5e21, 123456789012345680000,
		1e22, 1e100, 1e-3, 1e-4, 1e-5, 1.5e-5, 1e-6, 1e-7, 2.5e-7, 1e-9, 1e-10, 5e-324, math.MaxFloat64, 0.1, 0.30000000000000004, 1000000.5} {
		cases = append(cases, line(strconv.FormatFloat(value, 'e', -1, 64), logrus.InfoLevel, "x", logrus.Fields{"value": value}, nil))
	}
	return cases
}

func lines() []lineCase {
	renamed := logrus.FieldMap{logrus.FieldKeyTime: "@timestamp", logrus.FieldKeyLevel: "severity", logrus.FieldKeyMsg: "message",
		logrus.FieldKeyLogrusError: "oops", logrus.FieldKeyFunc: "caller", logrus.FieldKeyFile: "source"}
	return []lineCase{
		line("error", logrus.ErrorLevel, "an error", nil, nil),
		line("warning", logrus.WarnLevel, "a warning", nil, nil),
		line("info", logrus.InfoLevel, "ready", nil, nil),
		line("debug", logrus.DebugLevel, "a detail", nil, nil),
		line("trace", logrus.TraceLevel, "a small detail", nil, nil),
		line("fields", logrus.InfoLevel, "delivered", logrus.Fields{"path": "/ingest", "bytes": 20480, "attempt": uint8(2), "zero": int64(0), "negative": -7, "big": uint64(math.MaxUint64),
			"first": true, "again": false, "reason": "connection reset", "empty": ""}, nil),
		line("clashes", logrus.InfoLevel, "clash", logrus.Fields{"time": "t", "level": 3, "msg": "m", "logrus_error": "e", "func": "f", "file": "g"}, nil),
		line("renamed", logrus.WarnLevel, "renamed", logrus.Fields{"time": "t", "level": 3, "severity": 4, "oops": "e"}, renamed),
		line("sorting", logrus.InfoLevel, "sorted", logrus.Fields{"b": 1, "a": 2, "Z": 3, "tz": 4, "level2": 5, "zz": 6, "a.b": 7, "a_b": 8}, nil),
	}
}
