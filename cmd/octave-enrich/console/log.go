package console

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zapio"

	"octave-enrich/cmd/octave-enrich/words"
)

// LogFormat decides what auto means: journald wants JSON. The others are text and
// json, and stay.
func LogFormat(format string, terminal bool) string {
	if format == "auto" && os.Getenv("JOURNAL_STREAM") != "" && !terminal {
		return "json"
	}
	return format
}

// NewLog is the log of a console, in JSON or for people; what level it takes is the
// value of --log-level. It builds zap's core by hand: its presets drop repeated
// lines, and each failed row has to be told.
func NewLog(c *Console, format, level string, terminal bool) (*zap.Logger, error) {
	var at zapcore.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %s: write debug, info, warn or error", level)
	}
	encoding := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", LineEnding: "\n",
		EncodeTime:     zapcore.RFC3339TimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: func(d time.Duration, enc zapcore.PrimitiveArrayEncoder) { enc.AppendString(words.Round(d).String()) },
	}
	encoder := zapcore.NewJSONEncoder(encoding)
	if format != "json" {
		encoding.EncodeTime = clock(terminal)
		encoding.ConsoleSeparator = "  "
		if terminal && os.Getenv("NO_COLOR") == "" {
			encoding.EncodeLevel = zapcore.LowercaseColorLevelEncoder
		}
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, c, at)), nil
}

// clock writes the day and the zone into every line of a file, as nobody knows when
// it is read; on a terminal into the first line, and the first of each day.
func clock(terminal bool) zapcore.TimeEncoder {
	const whole = "2006-01-02 15:04:05 -07:00"
	var mu sync.Mutex
	day := ""
	return func(at time.Time, enc zapcore.PrimitiveArrayEncoder) {
		mu.Lock()
		defer mu.Unlock()
		if today := at.Format(time.DateOnly); terminal && today == day {
			enc.AppendString(at.Format(time.TimeOnly))
			return
		}
		day = at.Format(time.DateOnly)
		enc.AppendString(at.Format(whole))
	}
}

// Library takes what a library logs by itself. Whatever level it has there, in this log it
// is at debug.
func Library(log *zap.Logger, name string) slog.Handler {
	lines := &zapio.Writer{Log: log.With(zap.String("library", name)), Level: zap.DebugLevel}
	return slog.NewTextHandler(lines, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey { // the log says it
			return slog.Attr{}
		}
		return a
	}})
}
