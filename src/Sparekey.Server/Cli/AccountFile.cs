using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Cli;

/// <summary>A line that cannot be read.</summary>
/// <param name="Line">Its number, from 1.</param>
/// <param name="Detail">What is wrong.</param>
internal sealed record LineFault(int Line, string Detail);

/// <summary>Reads a file of accounts: JSON lines, or CSV (RFC 4180) whose first line names the columns.</summary>
/// <param name="Accounts">The accounts, each with its <c>line</c>.</param>
/// <param name="Faults">The lines that cannot be read.</param>
internal sealed record AccountFile(JsonArray Accounts, IReadOnlyList<LineFault> Faults)
{
    /// <summary>Reads a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="token">Gives up.</param>
    public static async Task<AccountFile> Read(FileInfo file, CancellationToken token)
    {
        var lines = await File.ReadAllLinesAsync(file.FullName, token);
        var accounts = new JsonArray();
        var faults = new List<LineFault>();
        var csv = lines.FirstOrDefault(l => l.Trim().Length > 0) is { } first && !first.TrimStart().StartsWith('{');
        string[]? columns = null;
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim().Length == 0)
            {
                continue;
            }

            if (csv && columns is null)
            {
                columns = SplitCsv(lines[i]);
                continue;
            }

            var account = csv ? FromCsv(columns!, lines[i]) : FromJson(lines[i]);
            if (account is null)
            {
                faults.Add(new LineFault(i + 1, csv ? "Not as many fields as the first line has names, or an open quote." : "Not a JSON object."));
                continue;
            }

            account["line"] = i + 1;
            accounts.Add(account);
        }

        return new AccountFile(accounts, faults);
    }

    private static JsonObject? FromJson(string line)
    {
        try
        {
            return JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonObject? FromCsv(string[] columns, string line)
    {
        var fields = SplitCsv(line);
        if (fields is null || fields.Length != columns.Length)
        {
            return null;
        }

        var account = new JsonObject();
        foreach (var (name, value) in columns.Zip(fields))
        {
            if (value.Length > 0)
            {
                account[name.Trim()] = name.Trim() is "emails" or "phones" or "groups"
                    ? new JsonArray([.. value.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(v => JsonValue.Create(v))])
                    : value;
            }
        }

        return account;
    }

    private static string[]? SplitCsv(string line)
    {
        var fields = new List<string>();
        var field = new System.Text.StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (quoted && c == '"' && i + 1 < line.Length && line[i + 1] == '"')
            {
                field.Append('"');
                i++;
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(c);
            }
        }

        fields.Add(field.ToString());
        return quoted ? null : [.. fields];
    }
}
