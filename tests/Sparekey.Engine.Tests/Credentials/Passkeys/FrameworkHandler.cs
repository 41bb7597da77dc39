using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Engine.Tests.Credentials.Passkeys;

/// <summary>The framework's own verifier of passkeys, with one user who has at most one passkey.</summary>
internal sealed class FrameworkHandler : IDisposable
{
    private readonly OneUser _store = new();
    private readonly UserManager<IdentityUser> _users;
    private readonly PasskeyHandler<IdentityUser> _handler;
    private readonly IdentityUser _user = new("person") { Id = "0123456789abcdef" };
    private readonly HttpContext _context = new DefaultHttpContext();

    public FrameworkHandler(string rpId, string origin)
    {
        _store.User = _user;
        _users = new UserManager<IdentityUser>(
            _store, Options.Create(new IdentityOptions()), new PasswordHasher<IdentityUser>(), [], [], new UpperInvariantLookupNormalizer(),
            new IdentityErrorDescriber(), null!, NullLogger<UserManager<IdentityUser>>.Instance);
        _handler = new PasskeyHandler<IdentityUser>(_users, Options.Create(new IdentityPasskeyOptions
        {
            ServerDomain = rpId,
            UserVerificationRequirement = "required",
            IsAllowedAlgorithm = algorithm => algorithm is -7 or -257,
            ValidateOrigin = asked => ValueTask.FromResult(asked.Origin == origin && !asked.CrossOrigin && asked.TopOrigin is null),
        }));
    }

    /// <summary>What the user is called in ceremonies.</summary>
    public byte[] UserHandle => System.Text.Encoding.UTF8.GetBytes(_user.Id);

    /// <summary>Begins a registration.</summary>
    public async Task<(byte[] Challenge, string? State)> BeginRegistration()
    {
        var options = await _handler.MakeCreationOptionsAsync(
            new PasskeyUserEntity { Id = _user.Id, Name = "person", DisplayName = "person" }, _context);
        return (ChallengeOf(options.CreationOptionsJson), options.AttestationState);
    }

    /// <summary>Whether it takes a registration.</summary>
    public async Task<bool> Takes(RegistrationResponse response, string? state)
    {
        _store.Passkey = null;
        var json = Credential(response.CredentialId, new JsonObject
        {
            ["clientDataJSON"] = Base64Url.EncodeToString(response.ClientData),
            ["attestationObject"] = Base64Url.EncodeToString(response.AttestationObject),
            ["transports"] = new JsonArray(),
        });
        return (await _handler.PerformAttestationAsync(new PasskeyAttestationContext { HttpContext = _context, CredentialJson = json, AttestationState = state })).Succeeded;
    }

    /// <summary>Begins an assertion for the user.</summary>
    public async Task<(byte[] Challenge, string? State)> BeginAssertion()
    {
        var options = await _handler.MakeRequestOptionsAsync(_user, _context);
        return (ChallengeOf(options.RequestOptionsJson), options.AssertionState);
    }

    /// <summary>Whether it takes an assertion of a passkey that the user has.</summary>
    public async Task<bool> Takes(AssertionResponse response, Passkey kept, string? state)
    {
        _store.Passkey = new UserPasskeyInfo(
            kept.CredentialId, kept.PublicKey, DateTimeOffset.UnixEpoch, kept.SignCount, [], kept.UserVerified, kept.BackupEligible,
            kept.BackedUp, [], []);
        var inner = new JsonObject
        {
            ["clientDataJSON"] = Base64Url.EncodeToString(response.ClientData),
            ["authenticatorData"] = Base64Url.EncodeToString(response.AuthenticatorData),
            ["signature"] = Base64Url.EncodeToString(response.Signature),
        };
        if (response.UserHandle is { } handle)
        {
            inner["userHandle"] = Base64Url.EncodeToString(handle);
        }

        var json = Credential(response.CredentialId, inner);
        return (await _handler.PerformAssertionAsync(new PasskeyAssertionContext { HttpContext = _context, CredentialJson = json, AssertionState = state })).Succeeded;
    }

    public void Dispose() => _users.Dispose();

    private static byte[] ChallengeOf(string options) =>
        Base64Url.DecodeFromChars(JsonDocument.Parse(options).RootElement.GetProperty("challenge").GetString());

    private static string Credential(byte[] id, JsonObject response) => new JsonObject
    {
        ["id"] = Base64Url.EncodeToString(id),
        ["rawId"] = Base64Url.EncodeToString(id),
        ["type"] = "public-key",
        ["clientExtensionResults"] = new JsonObject(),
        ["response"] = response,
    }.ToJsonString();

    private sealed class OneUser : IUserPasskeyStore<IdentityUser>
    {
        public IdentityUser User { get; set; } = null!;

        public UserPasskeyInfo? Passkey { get; set; }

        public Task<IList<UserPasskeyInfo>> GetPasskeysAsync(IdentityUser user, CancellationToken cancellationToken) =>
            Task.FromResult<IList<UserPasskeyInfo>>(Passkey is null ? [] : [Passkey]);

        public Task<IdentityUser?> FindByPasskeyIdAsync(byte[] credentialId, CancellationToken cancellationToken) =>
            Task.FromResult(Passkey?.CredentialId.SequenceEqual(credentialId) == true ? User : null);

        public Task<UserPasskeyInfo?> FindPasskeyAsync(IdentityUser user, byte[] credentialId, CancellationToken cancellationToken) =>
            Task.FromResult(Passkey?.CredentialId.SequenceEqual(credentialId) == true ? Passkey : null);

        public Task<IdentityUser?> FindByIdAsync(string userId, CancellationToken cancellationToken) =>
            Task.FromResult(userId == User.Id ? User : null);

        public Task<string> GetUserIdAsync(IdentityUser user, CancellationToken cancellationToken) => Task.FromResult(user.Id);

        public Task AddOrUpdatePasskeyAsync(IdentityUser user, UserPasskeyInfo passkey, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task RemovePasskeyAsync(IdentityUser user, byte[] credentialId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IdentityResult> CreateAsync(IdentityUser user, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IdentityResult> DeleteAsync(IdentityUser user, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IdentityResult> UpdateAsync(IdentityUser user, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IdentityUser?> FindByNameAsync(string normalizedUserName, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<string?> GetNormalizedUserNameAsync(IdentityUser user, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<string?> GetUserNameAsync(IdentityUser user, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task SetNormalizedUserNameAsync(IdentityUser user, string? normalizedName, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task SetUserNameAsync(IdentityUser user, string? userName, CancellationToken cancellationToken) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
