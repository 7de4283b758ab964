// Pulls records from sluiced and saves the value of each in a directory.    usage: go run worker.go DIRECTORY
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type object = map[string]any

type record struct {
	Topic     string
	Partition int
	Offset    int64
	Value     string // empty for a tombstone, too
}

type batch struct {
	ID      string `json:"batch_id"` // empty when there is nothing
	Records []record
}

// The work. An error: to be tried again later.
func handle(r record) error {
	name := fmt.Sprintf("%s-%d@%d", r.Topic, r.Partition, r.Offset)
	fmt.Println(name)
	return os.WriteFile(os.Args[1]+"/"+name, []byte(r.Value), 0o644)
}

func env(name, otherwise string) string {
	if value, found := os.LookupEnv(name); found {
		return value
	}
	return otherwise
}

func post(path string, body, result any) error {
	consumer := env("SLUICE_URL", "http://127.0.0.1:8090") + "/v1/consumers/" + env("SLUICE_CONSUMER", "orders")
	data, _ := json.Marshal(body)
	answer, err := http.Post(consumer+path, "application/json", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		problem, _ := io.ReadAll(answer.Body)
		return errors.New(string(problem))
	}
	return json.NewDecoder(answer.Body).Decode(result)
}

func newID() string { return fmt.Sprint(os.Getpid(), "-", time.Now().UnixNano()) }

func main() {
	http.DefaultClient.Timeout = time.Minute
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	var ack object
	id := newID()
	for stop.Err() == nil { // each round settles the last batch and leases the next
		var leased batch
		fetch := object{"request_id": id, "max_records": 100, "lease_ms": 60000, "ack": ack}
		if err := post("/fetch", fetch, &leased); err != nil {
			log.Print(err)
			time.Sleep(time.Second)
			continue // and ask the same again: request_id makes that safe, even if the answer got lost
		}
		var release []int // positions in the batch
		for i, r := range leased.Records {
			err := stop.Err()
			if err == nil {
				err = handle(r)
			}
			if err != nil {
				log.Print(err)
				release = append(release, i)
			}
		}
		ack, id = nil, newID()
		if leased.ID != "" {
			ack = object{"batch_id": leased.ID, "default": "accept", "release": release, "delay_ms": 1000}
		}
	}
	if ack != nil {
		path := fmt.Sprintf("/batches/%s/ack", ack["batch_id"])
		delete(ack, "batch_id")
		if err := post(path, ack, &ack); err != nil {
			log.Fatal(err)
		}
	}
}
