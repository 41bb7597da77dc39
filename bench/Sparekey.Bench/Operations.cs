using System.Collections.Concurrent;
using System.Text.Json;

namespace Sparekey.Bench;

/// <summary>Everything that is asked of a server, and the accounts it is asked for.</summary>
internal sealed class Operations
{
    private readonly Server _server;

    private Operations(Server server, IReadOnlyList<string> tokens, int accounts)
    {
        _server = server;
        Mint = new Mint(tokens.Take(1), accounts);
        MintByMany = new Mint(tokens, accounts);
        Redeem = new Redeem(Mint, Use);
        SetPassword = new SetPassword(Redeem, Use);
        Passkey = new SignInByPasskey(Use);
        Evaluate = new Fixed("policy evaluate", 200, i => Connection.Request(
            "POST", "/v1/recoveries?evaluate=true", tokens[0], $"{{\"account\":{{\"email\":\"{Accounts.Email(i % accounts)}\"}},\"means\":\"link\"}}"), accounts);
        List = new Fixed("list 20 recoveries", 200, _ => Connection.Request("GET", "/v1/recoveries?limit=20", tokens[0]));
        Ledger = new Fixed("read 20 ledger entries", 200, _ => Connection.Request("GET", "/v1/ledger?limit=20", tokens[0]));
        Verify = new Fixed("token verify", 200, _ => Connection.Request("GET", "/v1/policy/stop", tokens[0]));
        VerifyMany = new Fixed($"token verify, {tokens.Count} access tokens", 200, i => Connection.Request("GET", "/v1/policy/stop", tokens[i % tokens.Count]), tokens.Count);
    }

    public Mint Mint { get; }

    public Mint MintByMany { get; }

    public Redeem Redeem { get; }

    public SetPassword SetPassword { get; }

    public SignInByPasskey Passkey { get; }

    public Operation Evaluate { get; }

    public Operation List { get; }

    public Operation Ledger { get; }

    public Operation Verify { get; }

    public Operation VerifyMany { get; }

    /// <summary>All of them, in the order in which they use up what others make.</summary>
    public IReadOnlyList<Operation> Each => [Mint, MintByMany, Redeem, SetPassword, Evaluate, List, Ledger, Passkey, Verify, VerifyMany];

    /// <summary>Makes accounts, tokens and passkeys on a server that has none yet, or takes those that an earlier one made.</summary>
    /// <param name="server">The server.</param>
    /// <param name="accounts">How many accounts.</param>
    /// <param name="exist">Whether they are there.</param>
    public static async Task<Operations> Prepare(Server server, int accounts, bool exist = false)
    {
        var tokens = new List<string> { server.Token };
        while (tokens.Count < 64)
        {
            tokens.Add(await server.MakeToken());
        }

        if (!exist)
        {
            await server.Load().Closed(new Accounts(server.Token, accounts), Math.Min(16, accounts), TimeSpan.FromHours(1));
        }

        return new Operations(server, tokens, accounts);
    }

    /// <summary>Makes the passkeys that sign in.</summary>
    /// <param name="count">How many.</param>
    public Task MakePasskeys(int count) => Passkey.Register(_server, Mint, Redeem, count);

    private Task<Run> Use(Operation operation) => _server.Load().Closed(operation, 64, TimeSpan.FromHours(1));
}

/// <summary>Requests that use nothing up.</summary>
internal sealed class Fixed(string name, int status, Func<int, byte[]> request, int different = 1) : Operation
{
    private readonly byte[][] _requests = [.. Enumerable.Range(0, different).Select(request)];
    private int _next;

    public override string Name => name;

    public override int Status => status;

    public override byte[] Next(int client) => _requests[different == 1 ? 0 : (int)((uint)Interlocked.Increment(ref _next) % different)];
}

/// <summary>Makes accounts with one address each.</summary>
internal sealed class Accounts(string token, int count) : Operation
{
    private int _next = -1;

    public override string Name => "account";

    public override int Status => 201;

    public static string Email(int i) => $"person-{i}@example.com";

    public override byte[]? Next(int client) =>
        Interlocked.Increment(ref _next) is var i && i < count
            ? Connection.Request("POST", "/v1/accounts", token, $"{{\"email\":\"{Email(i)}\"}}")
            : null;
}

/// <summary>Opens a recovery under the default policy and gets its reset token; the secrets are kept for whoever redeems them.</summary>
internal sealed class Mint : Operation
{
    private readonly byte[][] _requests;
    private readonly int _tokens;
    private int _next;
    private int _left = int.MaxValue;

    /// <summary>Makes the operation.</summary>
    /// <param name="tokens">Access tokens, which clients share.</param>
    /// <param name="accounts">How many accounts there are.</param>
    public Mint(IEnumerable<string> tokens, int accounts)
    {
        var all = tokens.ToList();
        _tokens = all.Count;
        _requests =
        [
            .. Enumerable.Range(0, accounts).Select(i => Connection.Request(
                "POST", "/v1/recoveries", all[i % all.Count], $"{{\"account\":{{\"email\":\"{Accounts.Email(i)}\"}},\"means\":\"token\"}}")),
        ];
    }

    /// <summary>Secrets that nobody redeemed yet, newest last.</summary>
    public ConcurrentQueue<string> Secrets { get; } = new();

    public override string Name => _tokens == 1 ? "mint" : $"mint, {_tokens} access tokens";

    public override int Status => 201;

    /// <summary>Ends after so many more.</summary>
    /// <param name="count">How many.</param>
    public Mint For(int count)
    {
        _left = count;
        return this;
    }

    public override byte[]? Next(int client)
    {
        if (_left != int.MaxValue && Interlocked.Decrement(ref _left) < 0)
        {
            _left = int.MaxValue;
            return null;
        }

        return _requests[(uint)Interlocked.Increment(ref _next) % _requests.Length];
    }

    public override void Keep(Answer answer) => Secrets.Enqueue(Json.Text(answer.Body, "secret", "token"));
}

/// <summary>Redeems a reset token: nothing is hashed with a password's hash.</summary>
/// <param name="mint">Makes the tokens.</param>
/// <param name="use">Runs an operation until it has used up what it has.</param>
internal sealed class Redeem(Mint mint, Func<Operation, Task<Run>> use) : Operation
{
    /// <summary>Tokens of redemptions that completed nothing yet.</summary>
    public ConcurrentQueue<string> Tokens { get; } = new();

    public override string Name => "redeem";

    public override int Status => 201;

    public override async Task Stock(int count)
    {
        if (count > mint.Secrets.Count)
        {
            await use(mint.For(count - mint.Secrets.Count));
        }
    }

    public override byte[]? Next(int client) => mint.Secrets.TryDequeue(out var secret)
        ? Connection.Request("POST", "/v1/redemptions", null, $"{{\"token\":\"{secret}\"}}")
        : null;

    public override void Keep(Answer answer) => Tokens.Enqueue(Json.Text(answer.Body, "redemption_token"));
}

/// <summary>Sets the new password, and so completes the recovery.</summary>
internal sealed class SetPassword(Redeem redeem, Func<Operation, Task<Run>> use) : Operation
{
    public override string Name => "password set";

    public override int Status => 200;

    public override async Task Stock(int count)
    {
        if (count > redeem.Tokens.Count)
        {
            // Redemptions live 15 minutes; what is in stock may be older.
            redeem.Tokens.Clear();
            await redeem.Stock(count);
            await use(redeem);
        }
    }

    public override byte[]? Next(int client) => redeem.Tokens.TryDequeue(out var token)
        ? Connection.Request("PUT", "/v1/redemption/password", token, "{\"new_password\":\"nine green bicycles in a row\"}")
        : null;
}

/// <summary>Members of an answer, without a tree of the whole.</summary>
internal static class Json
{
    public static string Text(ReadOnlyMemory<byte> body, params ReadOnlySpan<string> path)
    {
        var reader = new Utf8JsonReader(body.Span);
        var depth = 0;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == depth + 1 && reader.ValueTextEquals(path[depth]))
            {
                reader.Read();
                if (++depth == path.Length)
                {
                    return reader.GetString()!;
                }
            }
        }

        throw new InvalidOperationException($"No {string.Join('.', path.ToArray())} in an answer.");
    }
}
