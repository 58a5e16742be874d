package bedrock

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"infer/eval"
	"infer/providers"
)

// encode writes a request.
func encode(req *eval.Request) (*bedrockruntime.ConverseInput, error) {
	in := &bedrockruntime.ConverseInput{ModelId: aws.String(req.Model)}
	if req.System != "" {
		in.System = append(in.System, &types.SystemContentBlockMemberText{Value: req.System})
	}
	for i := range req.Messages {
		m := &req.Messages[i]
		if m.Role == "system" || m.Role == "developer" {
			in.System = append(in.System, &types.SystemContentBlockMemberText{Value: m.Text()})
			continue
		}
		role, blocks, err := blocks(m)
		if err != nil {
			return nil, err
		}
		// Turns of one role that follow each other become one: the wire wants them to
		// alternate, and the results of parallel calls in a single turn.
		if n := len(in.Messages); n > 0 && in.Messages[n-1].Role == role {
			in.Messages[n-1].Content = append(in.Messages[n-1].Content, blocks...)
			continue
		}
		in.Messages = append(in.Messages, types.Message{Role: role, Content: blocks})
	}
	if len(in.Messages) == 0 {
		return nil, providers.Content("there are no messages")
	}
	for _, part := range []func(*bedrockruntime.ConverseInput, *eval.Request) error{tools, params, format} {
		if err := part(in, req); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// blocks writes the content of one message.
func blocks(m *eval.Message) (types.ConversationRole, []types.ContentBlock, error) {
	var out []types.ContentBlock
	if m.Role == "tool" {
		result := types.ToolResultBlock{ToolUseId: aws.String(m.ToolCallID), Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: m.Text()}}}
		return types.ConversationRoleUser, []types.ContentBlock{&types.ContentBlockMemberToolResult{Value: result}}, nil
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Type == eval.PartText && p.Text == "" {
			continue // the wire refuses empty text
		}
		b, err := block(p)
		if err != nil {
			return "", nil, err
		}
		out = append(out, b)
	}
	switch m.Role {
	case "user":
		return types.ConversationRoleUser, out, nil
	case "assistant":
		for i := range m.ToolCalls {
			c := &m.ToolCalls[i]
			args, err := providers.JSONObject(c)
			if err != nil {
				return "", nil, err
			}
			input, err := toDocument(args)
			if err != nil {
				return "", nil, err
			}
			out = append(out, &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{ToolUseId: aws.String(c.ID), Name: aws.String(c.Name), Input: input}})
		}
		return types.ConversationRoleAssistant, out, nil
	}
	return "", nil, fmt.Errorf("a message has the role %q, which this wire does not know", eval.Untrusted(m.Role).Line(40))
}

func block(p *eval.Part) (types.ContentBlock, error) {
	switch {
	case p.Type == eval.PartText:
		return &types.ContentBlockMemberText{Value: p.Text}, nil
	case p.Data == nil && p.URL == "":
		return nil, providers.Content("a %s part has no contents", p.Type)
	case p.Data == nil:
		return nil, providers.Content("a %s part must hold its data: this wire takes no URL", p.Type)
	case p.Type == eval.PartFile:
		return file(p)
	}
	format, ok := strings.CutPrefix(providers.MIMEOf(p), "image/")
	if !ok {
		return nil, providers.Content("a picture of type %s: this wire takes png, jpeg, gif and webp", eval.Untrusted(providers.MIMEOf(p)).Line(60))
	}
	return &types.ContentBlockMemberImage{Value: types.ImageBlock{Format: types.ImageFormat(format), Source: &types.ImageSourceMemberBytes{Value: p.Data}}}, nil
}

// documentFormats are the wire's names of file types.
var documentFormats = map[string]types.DocumentFormat{
	"application/pdf": types.DocumentFormatPdf, "text/csv": types.DocumentFormatCsv, "text/html": types.DocumentFormatHtml,
	"text/plain": types.DocumentFormatTxt, "text/markdown": types.DocumentFormatMd, "application/msword": types.DocumentFormatDoc,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": types.DocumentFormatDocx,
	"application/vnd.ms-excel": types.DocumentFormatXls,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": types.DocumentFormatXlsx,
}

var (
	notInName = regexp.MustCompile(`[^A-Za-z0-9()\[\] -]+`)
	blanks    = regexp.MustCompile(` {2,}`)
)

// file writes a document. Its name may hold few characters only.
func file(p *eval.Part) (types.ContentBlock, error) {
	kind := providers.MIMEOf(p)
	format, ok := documentFormats[kind]
	if ext := strings.ToLower(strings.TrimPrefix(path.Ext(p.Path), ".")); kind == "text/plain" || !ok {
		for _, f := range format.Values() {
			if string(f) == ext {
				format, ok = f, true // what looks like text is often more
			}
		}
	}
	if !ok {
		return nil, providers.Content("a file of type %s: this wire does not take it", eval.Untrusted(kind).Line(60))
	}
	name := strings.TrimSuffix(path.Base(p.Path), path.Ext(p.Path))
	name = strings.TrimSpace(blanks.ReplaceAllString(notInName.ReplaceAllString(name, "-"), " "))
	if p.Path == "" || name == "" {
		name = "attachment"
	}
	return &types.ContentBlockMemberDocument{Value: types.DocumentBlock{Format: format, Name: aws.String(name), Source: &types.DocumentSourceMemberBytes{Value: p.Data}}}, nil
}

func tools(in *bedrockruntime.ConverseInput, req *eval.Request) error {
	list, err := providers.ToolsOf(req.Tools)
	if err != nil || len(list) == 0 {
		return err
	}
	in.ToolConfig = &types.ToolConfiguration{}
	for _, t := range list {
		if t.Raw != nil {
			return fmt.Errorf("tool %q is not a function: this wire takes nothing else", eval.Untrusted(t.Name).Line(60))
		}
		schema := t.Parameters
		if schema == nil {
			schema = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		d, err := toDocument(schema)
		if err != nil {
			return err
		}
		spec := types.ToolSpecification{Name: aws.String(t.Name), InputSchema: &types.ToolInputSchemaMemberJson{Value: d}, Strict: t.Strict}
		if t.Description != "" {
			spec.Description = aws.String(t.Description)
		}
		in.ToolConfig.Tools = append(in.ToolConfig.Tools, &types.ToolMemberToolSpec{Value: spec})
	}
	return nil
}

// format writes the answer's format.
func format(in *bedrockruntime.ConverseInput, req *eval.Request) error {
	f, err := providers.FormatOf(req.ResponseFormat)
	if err != nil || f.Kind == "" {
		return err
	}
	if f.Schema == nil {
		return errors.New("this wire has no response_format json_object: give a json_schema, or ask for JSON in the prompt")
	}
	schema := types.JsonSchemaDefinition{Schema: aws.String(string(f.Schema))}
	if f.Name != "" {
		schema.Name = aws.String(f.Name)
	}
	in.OutputConfig = &types.OutputConfig{TextFormat: &types.OutputFormat{Type: types.OutputFormatTypeJsonSchema, Structure: &types.OutputFormatStructureMemberJsonSchema{Value: schema}}}
	return nil
}
