// usage: go run worker.go http://127.0.0.1:8090/v1/consumers/orders/fetch
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

type object = map[string]any

// The work. An error: try it again.
func handle(r object) error {
	return os.WriteFile(fmt.Sprintf("%s-%.0f@%.0f", r["topic"], r["partition"], r["offset"]), []byte(fmt.Sprint(r["value"])), 0o644)
}

func main() {
	ack, batch, release := object(nil), object(nil), []object(nil)
	for { // Each round settles the last batch and leases the next.
		body, _ := json.Marshal(object{"request_id": time.Now().String(), "max_records": 100, "lease_ms": 30000, "ack": ack})
		ack, batch, release = nil, object{}, nil
		for batch["records"] == nil { // Refused, cut off or lost: the same request again is safe.
			answer, err := http.Post(os.Args[1], "application/json", bytes.NewReader(body))
			if err == nil {
				err = json.NewDecoder(answer.Body).Decode(&batch)
				answer.Body.Close()
			}
			if batch["records"] == nil {
				fmt.Println(err, batch["detail"])
				time.Sleep(time.Second)
			}
		}
		for i, r := range batch["records"].([]any) {
			if err := handle(r.(object)); err != nil {
				fmt.Println(err)
				release = append(release, object{"index": i, "delay_ms": 1000})
			}
		}
		if id := batch["batch_id"]; id != nil {
			ack = object{"batch_id": id, "default": "accept", "release": release}
		}
	}
}
