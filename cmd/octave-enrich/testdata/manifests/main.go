// Command manifests holds the files of samples/fleet to the schemas of those who read
// them: the specification of Compose, the types of Kubernetes, the rules of Prometheus.
// It is a module of its own, so that the program does not depend on any of these.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	failed := false
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	switch base := filepath.Base(path); {
	case strings.HasPrefix(base, "docker-compose"):
		return compose(path, text)
	case strings.HasPrefix(base, "kubernetes"):
		return kubernetes(string(text))
	case strings.HasPrefix(base, "alerts"):
		_, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		return errors.Join(errs...)
	}
	return errors.New("nobody reads such a file")
}

func compose(path string, text []byte) error {
	details := types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path, Content: text}},
		Environment: types.Mapping{"OCTAVE_USER": "1000:1000"},
	}
	project, err := loader.LoadWithContext(context.Background(), details, func(o *loader.Options) { o.SetProjectName("fleet", true) })
	if err != nil {
		return err
	}
	for name, service := range project.AllServices() {
		if service.Image == "" {
			return fmt.Errorf("service %s has no image", name)
		}
	}
	return nil
}

// kinds are the types of the documents, strict: a name that they do not know is an
// error.
func kinds(kind string) (any, error) {
	switch kind {
	case "apps/v1 Deployment":
		return &apps.Deployment{}, nil
	case "batch/v1 Job":
		return &batch.Job{}, nil
	case "batch/v1 CronJob":
		return &batch.CronJob{}, nil
	case "policy/v1 PodDisruptionBudget":
		return &policy.PodDisruptionBudget{}, nil
	case "networking.k8s.io/v1 NetworkPolicy":
		return &networking.NetworkPolicy{}, nil
	}
	return nil, fmt.Errorf("no kind %q", kind)
}

func kubernetes(text string) error {
	for i, document := range strings.Split(text, "\n---\n") {
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			return fmt.Errorf("document %d: %w", i+1, err)
		}
		object, err := kinds(head.APIVersion + " " + head.Kind)
		if err == nil {
			err = yaml.UnmarshalStrict([]byte(document), object)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	return nil
}
