// Reads texts, each with a zero byte behind it, and writes for each one line of JSON: what it makes a shell run, as mvdan.cc/sh
// reads it, or null where that refuses the text. A word that only running would tell is null.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

type command struct {
	Words     []*string  `json:"words"`
	Redirects []redirect `json:"redirects"`
}

type redirect struct {
	Operator string  `json:"operator"`
	Target   *string `json:"target"`
}

type reading struct {
	Commands []command `json:"commands"`
	Assigned []string  `json:"assigned"`
}

// The text of a word, or nil.
func textOf(word *syntax.Word) *string {
	if word == nil {
		return nil
	}
	raw := word.Lit()
	if raw == "{}" || raw == "[" || raw == "[[" {
		return &raw
	}
	var text strings.Builder
	for index, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if !plain(&text, part.Value, index == 0) {
				return nil
			}
		case *syntax.SglQuoted:
			if part.Dollar {
				return nil
			}
			text.WriteString(part.Value)
		case *syntax.DblQuoted:
			if part.Dollar || !quoted(&text, part) {
				return nil
			}
		default:
			return nil
		}
	}
	whole := text.String()
	return &whole
}

func plain(text *strings.Builder, value string, isFirst bool) bool {
	// The letter before, unless a backslash makes it one like others.
	var before byte
	for at := 0; at < len(value); at++ {
		letter := value[at]
		switch letter {
		case '\\':
			letter = 0
			at++
			if at < len(value) && value[at] != '\n' {
				text.WriteByte(value[at])
			}
		case '*', '?', '[', '{', '}':
			return false
		case '=':
			if isFirst && at == 0 {
				return false
			}
			text.WriteByte(letter)
		case '~':
			if at == 0 && isFirst || before == '=' || before == ':' {
				return false
			}
			text.WriteByte(letter)
		default:
			text.WriteByte(letter)
		}
		before = letter
	}
	return true
}

func quoted(text *strings.Builder, part *syntax.DblQuoted) bool {
	for _, inner := range part.Parts {
		literal, ok := inner.(*syntax.Lit)
		if !ok {
			return false
		}
		value := literal.Value
		for at := 0; at < len(value); at++ {
			if value[at] == '\\' && at+1 < len(value) && strings.IndexByte("$`\"\\\n", value[at+1]) >= 0 {
				at++
				if value[at] == '\n' {
					continue
				}
			}
			text.WriteByte(value[at])
		}
	}
	return true
}

func (all *reading) add(words []*syntax.Word, redirects []*syntax.Redirect) {
	one := command{Words: []*string{}, Redirects: []redirect{}}
	for _, word := range words {
		one.Words = append(one.Words, textOf(word))
	}
	for _, each := range redirects {
		switch each.Op {
		case syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		default:
			one.Redirects = append(one.Redirects, redirect{Operator: each.Op.String(), Target: textOf(each.Word)})
		}
	}
	if len(one.Words)+len(one.Redirects) > 0 {
		all.Commands = append(all.Commands, one)
	}
}

func (all *reading) visit(node syntax.Node) bool {
	switch node := node.(type) {
	case *syntax.Assign:
		if node.Name != nil {
			all.Assigned = append(all.Assigned, node.Name.Value)
		}
	case *syntax.WordIter:
		all.Assigned = append(all.Assigned, node.Name.Value)
	case *syntax.ParamExp:
		if node.Exp != nil && (node.Exp.Op == syntax.AssignUnset || node.Exp.Op == syntax.AssignUnsetOrNull) {
			all.Assigned = append(all.Assigned, node.Param.Value)
		}
	case *syntax.Stmt:
		switch inner := node.Cmd.(type) {
		case *syntax.CallExpr:
			all.add(inner.Args, node.Redirs)
		case *syntax.TestClause:
			name := "[["
			all.Commands = append(all.Commands, command{Words: []*string{&name}, Redirects: []redirect{}})
			all.add(nil, node.Redirs)
		default:
			all.add(nil, node.Redirs)
		}
	}
	return true
}

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for _, text := range bytes.Split(bytes.TrimSuffix(input, []byte{0}), []byte{0}) {
		file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(text), "")
		var answer any
		if err == nil {
			all := reading{Commands: []command{}, Assigned: []string{}}
			syntax.Walk(file, all.visit)
			answer = all
		}
		if err := output.Encode(answer); err != nil {
			panic(err)
		}
	}
}
