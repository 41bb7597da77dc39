using System.Text.Json.Nodes;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Passbolt;

/// <summary>
/// Calls a Passbolt server as the companion's user: signs in where nobody is, takes the next access token before the last one ends,
/// gives the second factor where it is due. One session at a time, however many call.
/// </summary>
/// <param name="http">The way there.</param>
/// <param name="signIn">Signs in.</param>
/// <param name="keys">Knows the second factor.</param>
/// <param name="acts">Reads the clock.</param>
internal sealed class PassboltClient(PassboltHttp http, PassboltSignIn signIn, CompanionKeys keys, Acts acts) : IDisposable
{
    private const string Factor = "passbolt_mfa";

    // A user who signed in a moment ago and may not do a thing would not do it the better for signing in again.
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    // Wrong one-time passwords end in the user's being locked out.
    private static readonly TimeSpan AfterWrongFactor = TimeSpan.FromMinutes(15);

    // A sign-in that fails is an attack to that server, which writes to the user and to every administrator each time.
    private static readonly TimeSpan AfterFailedSignIn = TimeSpan.FromHours(1);

    private static readonly TimeSpan AfterBusy = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan AfterSilence = TimeSpan.FromSeconds(5);

    // Of a whole list: what is read of it is a part, and what lies in memory meanwhile is one page.
    private const long LargestList = 64 * 1024 * 1024;

    private readonly SemaphoreSlim _one = new(1);
    private volatile Peace? _peace;
    private PassboltSession? _session;
    private CookieJar? _former;
    private long _lastStep = -1;
    private DateTimeOffset _noFactorBefore = DateTimeOffset.MinValue;

    /// <summary>Reads.</summary>
    /// <param name="path">The path, with its query.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<PassboltAnswer> Get(string path, CancellationToken cancellationToken) => Call(HttpMethod.Get, path, null, cancellationToken);

    /// <summary>Posts.</summary>
    /// <param name="path">The path.</param>
    /// <param name="body">What.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<PassboltAnswer> Post(string path, JsonObject body, CancellationToken cancellationToken) =>
        Call(HttpMethod.Post, path, body, cancellationToken);

    /// <summary>Posts as somebody who is not signed in.</summary>
    /// <param name="path">The path.</param>
    /// <param name="body">What.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<PassboltAnswer> PostAsGuest(string path, JsonObject body, CancellationToken cancellationToken)
    {
        if (InPeace() is { } fault)
        {
            return fault;
        }

        // The first call brings the token against cross-site requests, without which nothing may be posted.
        var guest = new PassboltBearer(null, new CookieJar());
        var begun = Remember(await http.Send(HttpMethod.Get, "/auth/verify.json", null, guest, cancellationToken));
        return begun.Ok ? Remember(await http.Send(HttpMethod.Post, path, body, guest, cancellationToken)) : begun;
    }

    /// <summary>Reads every page of a list.</summary>
    /// <param name="path">The path, with its query.</param>
    /// <param name="limit">How many things a page has.</param>
    /// <param name="pages">How many pages at most.</param>
    /// <param name="read">What is kept of a thing; null for nothing.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What was kept, and whether the list was whole as far as the server says; or the first fault.</returns>
    public async Task<(IReadOnlyList<T> Things, bool IsWhole, PassboltAnswer Last)> List<T>(
        string path, int limit, int pages, Func<JsonObject, T?> read, CancellationToken cancellationToken)
        where T : class
    {
        var (things, seen, size) = (new List<T>(), 0, 0L);
        PassboltAnswer? answer = null;
        for (var page = 1; page <= pages; page++)
        {
            var joint = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
            answer = await Get(FormattableString.Invariant($"{path}{joint}limit={limit}&page={page}"), cancellationToken);

            // Some versions have no page beyond the last, and say so.
            if (answer.Fault == PassboltFault.NotFound && page > 1)
            {
                return (things, true, new PassboltAnswer(PassboltFault.None));
            }

            if (!answer.Ok || answer.Body is not JsonArray list)
            {
                return (things, false, answer.Ok ? new PassboltAnswer(PassboltFault.Garbage) : answer);
            }

            size += answer.Size;
            if (size > LargestList)
            {
                return (things, false, new PassboltAnswer(PassboltFault.TooLarge));
            }

            things.AddRange(answer.List().Select(read).OfType<T>());
            seen += list.Count;

            // A server may have shorter pages than it was asked for, and one that knows no pages gives all of it each time.
            if (list.Count == 0 || (answer.Count is { } all ? seen >= all : list.Count != limit))
            {
                break;
            }
        }

        return (things, answer!.Count is not { } count || count == seen, answer);
    }

    /// <summary>Forgets that the server was to be left in peace: somebody says that it is mended.</summary>
    public void TryAgain() => _peace = null;

    /// <summary>Ends the session, if there is one; what comes of it changes nothing.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task SignOut(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _session, null) is { } session)
        {
            await signIn.SignOut(session, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private async Task<PassboltAnswer> Call(HttpMethod method, string path, JsonObject? body, CancellationToken cancellationToken)
    {
        var (answer, used) = await CallOnce(null, method, path, body, cancellationToken);
        return used is not null && MayBeOver(answer, used)
            ? (await CallOnce(used, method, path, body, cancellationToken)).Answer
            : answer;
    }

    // Nobody signed in and not allowed look alike in some versions.
    private bool MayBeOver(PassboltAnswer answer, PassboltSession used) =>
        answer.Fault == PassboltFault.NotSignedIn || (answer.Fault == PassboltFault.Forbidden && acts.Now - used.Since >= Fresh);

    private async Task<(PassboltAnswer Answer, PassboltSession? Used)> CallOnce(
        PassboltSession? over, HttpMethod method, string path, JsonObject? body, CancellationToken cancellationToken)
    {
        if (InPeace() is { } left)
        {
            return (left, null);
        }

        var (session, fault) = await Session(over, cancellationToken);
        if (session is null)
        {
            return (fault!, null);
        }

        var factor = session.Bearer.Cookies[Factor];
        var answer = await http.Send(method, path, body, session.Bearer, cancellationToken);
        if (answer.Fault == PassboltFault.SecondFactor)
        {
            var given = await GiveFactor(session, factor, cancellationToken);
            answer = given.Ok ? await http.Send(method, path, body, session.Bearer, cancellationToken) : given;
        }

        return (Remember(answer), session);
    }

    // What is to be said while the server is left in peace, whoever calls; null where it may be called.
    private PassboltAnswer? InPeace() =>
        _peace is { } peace && acts.Now < peace.Until && peace.Until - acts.Now <= PassboltHttp.MostPatient
            ? peace.Answer with { RetryAfter = peace.Until - acts.Now }
            : null;

    private PassboltAnswer Remember(PassboltAnswer answer)
    {
        var peace = answer.Fault switch
        {
            PassboltFault.SignInFailed => AfterFailedSignIn,
            PassboltFault.Busy => answer.RetryAfter ?? AfterBusy,
            PassboltFault.Unreachable or PassboltFault.TimedOut => AfterSilence,
            _ => (TimeSpan?)null,
        };
        if (peace is { } lasts)
        {
            _peace = new Peace(new PassboltAnswer(answer.Fault), acts.Now + lasts);
        }

        return answer.Fault == PassboltFault.SignInFailed ? answer with { RetryAfter = AfterFailedSignIn } : answer;
    }

    private async Task<(PassboltSession? Session, PassboltAnswer? Fault)> Session(PassboltSession? over, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_session is { } known && !ReferenceEquals(known, over))
            {
                if (known.AccessUntil is not { } until || acts.Now < until)
                {
                    return (known, null);
                }

                if (await signIn.Refresh(known, cancellationToken) is { } next)
                {
                    return (_session = next, null);
                }
            }

            _former = _session?.Bearer.Cookies ?? _former;
            _session = null;

            // Whoever waited for this turn while another one's sign-in failed does not fail once more.
            if (InPeace() is { } left)
            {
                return (null, left);
            }

            var signedIn = await signIn.Run(cancellationToken);
            if (signedIn.Session is { } session)
            {
                if (_former is { } former)
                {
                    session.Bearer.Cookies.Keep(former, Factor);
                }

                _session = session;
            }

            return (_session, _session is null ? Remember(signedIn.Fault) : null);
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task<PassboltAnswer> GiveFactor(PassboltSession session, string? used, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            // Somebody else gave it while this call was on its way.
            if (session.Bearer.Cookies[Factor] is { } given && given != used)
            {
                return new PassboltAnswer(PassboltFault.None);
            }

            // A password is good once, and the next one comes with the next step.
            var (now, step) = (acts.Now, OneTimePassword.StepOf(acts.Now));
            if (now < _noFactorBefore || step == _lastStep)
            {
                return new PassboltAnswer(PassboltFault.SecondFactor) { RetryAfter = now < _noFactorBefore ? _noFactorBefore - now : OneTimePassword.Step };
            }

            if (keys.OneTimePasswordAt(step) is not { } password)
            {
                return new PassboltAnswer(PassboltFault.SecondFactor);
            }

            _lastStep = step;
            var answer = await http.Send(
                HttpMethod.Post, "/mfa/verify/totp.json", new JsonObject { ["totp"] = password, ["remember"] = 1 }, session.Bearer, cancellationToken);
            if (!answer.Ok && answer.Fault is PassboltFault.Refused or PassboltFault.Forbidden or PassboltFault.NotSignedIn)
            {
                _noFactorBefore = now + AfterWrongFactor;
                return new PassboltAnswer(PassboltFault.SecondFactor) { RetryAfter = AfterWrongFactor };
            }

            return answer;
        }
        catch (SecretFileException e)
        {
            return new PassboltAnswer(PassboltFault.OwnKey) { Why = e.Message };
        }
        finally
        {
            _one.Release();
        }
    }

    private sealed record Peace(PassboltAnswer Answer, DateTimeOffset Until);
}
