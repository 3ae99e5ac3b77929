package main

import (
	_ "embed"

	"github.com/spf13/cobra"
)

// summarySchema is the JSON Schema of [Report].
//
//go:embed summary.schema.json
var summarySchema string

// newSummaryTopic is what "help summary" prints: the schema and nothing else, so
// that it can go into a file.
func newSummaryTopic() *cobra.Command {
	return &cobra.Command{Use: "summary", Short: "JSON Schema of the summary", Long: summarySchema}
}

// newSendersTopic is what "help senders" prints.
func newSendersTopic() *cobra.Command {
	return &cobra.Command{Use: "senders", Short: "Presets: what each sender gets", Long: sendersHelp}
}
