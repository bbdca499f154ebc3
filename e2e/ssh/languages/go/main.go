// Command client works through the gate with golang.org/x/crypto/ssh: execs, many channels of one connection, a refused forward.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

type result struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Code   int    `json:"code"`
}

type seen struct {
	Allowed          result   `json:"allowed"`
	Failed           result   `json:"failed"`
	Masked           result   `json:"masked"`
	Denied           result   `json:"denied"`
	Many             []string `json:"many"`
	IsForwardRefused bool     `json:"isForwardRefused"`
	After            result   `json:"after"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func run(client *ssh.Client, command string) result {
	session := must(client.NewSession())
	defer session.Close()
	var stdout, stderr bytes.Buffer
	session.Stdout, session.Stderr = &stdout, &stderr
	err := session.Run(command)
	var exit *ssh.ExitError
	code := 0
	if errors.As(err, &exit) {
		code = exit.ExitStatus()
	} else if err != nil {
		must(0, err)
	}
	return result{stdout.String(), stderr.String(), code}
}

func isForwardRefused(client *ssh.Client) bool {
	_, err := client.Dial("tcp", "127.0.0.1:1")
	var refused *ssh.OpenChannelError
	return errors.As(err, &refused) && refused.Reason == ssh.Prohibited
}

func main() {
	client := must(ssh.Dial("tcp", os.Getenv("SSH_ADDRESS"), &ssh.ClientConfig{
		User:            "agent",
		Auth:            []ssh.AuthMethod{ssh.Password(os.Getenv("SSH_TOKEN"))},
		HostKeyCallback: must(knownhosts.New(os.Getenv("SSH_KNOWN_HOSTS"))),
	}))
	defer client.Close()
	what := seen{
		Allowed: run(client, "echo hi"),
		Failed:  run(client, "cat /nothing"),
		Masked:  run(client, "cat "+os.Getenv("SSH_CUSTOMERS")),
		Denied:  run(client, "rm -f /nothing"),
		Many:    make([]string, 10),
	}
	done := make(chan bool)
	for number := range what.Many {
		go func() {
			what.Many[number] = run(client, fmt.Sprintf("echo %d", number)).Stdout
			done <- true
		}()
	}
	for range what.Many {
		<-done
	}
	what.IsForwardRefused = isForwardRefused(client)
	what.After = run(client, "echo hi")
	must(0, json.NewEncoder(os.Stdout).Encode(what))
}
