using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Bench;

/// <summary>Signs in with a passkey: a challenge that was asked for before, and its signature.</summary>
/// <param name="use">Runs an operation until it has used up what it has.</param>
internal sealed class SignInByPasskey(Func<Operation, Task<Run>> use) : Operation
{
    private const string RelyingParty = "localhost";

    private static readonly PageOfBrowser Page = new(Server.Origin);

    private readonly List<(SoftwareAuthenticator Authenticator, string User)> _people = [];
    private readonly ConcurrentQueue<byte[]> _proofs = new();

    public override string Name => "passkey verify";

    public override int Status => 201;

    /// <summary>Binds passkeys to accounts, by the way of recoveries.</summary>
    public async Task Register(Server server, Mint mint, Redeem redeem, int count)
    {
        var application = (await server.Call("GET", "/v1/applications"))["applications"]![0]!["id"]!.ToString();
        await server.Call("PATCH", $"/v1/applications/{application}", new JsonObject
        {
            ["origins"] = new JsonArray(Page.Origin), ["rp_id"] = RelyingParty,
        });
        redeem.Tokens.Clear();
        await use(mint.For(count));
        await use(redeem);
        foreach (var redemption in redeem.Tokens.Take(count))
        {
            // A counter of zero never rises, so that several sign-ins of one passkey may cross.
            var authenticator = new SoftwareAuthenticator(RelyingParty);
            var options = await server.Call("POST", "/v1/redemption/passkey/options", null, redemption);
            await server.Call("POST", "/v1/redemption/passkey", new JsonObject { ["credential"] = Page.Made(authenticator, options) }, redemption);
            _people.Add((authenticator, options["public_key"]!["user"]!["id"]!.ToString()));
        }

        redeem.Tokens.Clear();
    }

    public override async Task Stock(int count)
    {
        // Challenges live minutes: those that an earlier run left are thrown away.
        _proofs.Clear();
        var challenges = new Challenges(count);
        await use(challenges);
        var proofs = new byte[challenges.Options.Count][];

        // One person's are far from each other: two at once would wait for the same passkey.
        Parallel.ForEach(_people.Index(), p =>
        {
            for (var i = p.Index; i < proofs.Length; i += _people.Count)
            {
                var proof = new JsonObject { ["credential"] = Page.Proved(p.Item.Authenticator, JsonNode.Parse(challenges.Options[i])!, p.Item.User) };
                proofs[i] = Connection.Request("POST", "/v1/sessions/passkey", null, proof.ToJsonString());
            }
        });
        foreach (var proof in proofs)
        {
            _proofs.Enqueue(proof);
        }
    }

    public override byte[]? Next(int client) => _proofs.TryDequeue(out var proof) ? proof : null;

    private sealed class Challenges(int count) : Operation
    {
        private static readonly byte[] Request = Connection.Request("POST", "/v1/sessions/passkey/options");
        private int _left = count;

        public List<string> Options { get; } = [];

        public override string Name => "challenge";

        public override int Status => 200;

        public override byte[]? Next(int client) => Interlocked.Decrement(ref _left) >= 0 ? Request : null;

        public override void Keep(Answer answer)
        {
            var text = answer.Text;
            lock (Options)
            {
                Options.Add(text);
            }
        }
    }
}
