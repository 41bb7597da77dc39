using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tests.Access;

namespace Sparekey.Engine.Tests.Policies;

/// <summary>People whose accounts are recovered, programmes that do it, and a policy that changes.</summary>
internal sealed class PolicyScene(AccessScene inner) : IAsyncDisposable
{
    public AccessScene Inner => inner;

    public static async Task<PolicyScene> Create()
    {
        var inner = await AccessScene.Create();
        await inner.Get<EnsureDefaultApplication>().Run(TenantId.Default, new Uri("https://recover.example.com"), CancellationToken.None);
        return new PolicyScene(inner);
    }

    public T Get<T>()
        where T : notnull => inner.Get<T>();

    /// <summary>A programme of a person of its own.</summary>
    public async Task<Caller> Programme(string name, AccountId? owner = null, string ceiling = "admin") =>
        await inner.NewCaller(name, owner ?? await inner.AddPerson(), ceiling: ceiling);

    public Task<AccountId> Person(params string[] groups) => inner.Write(async act =>
    {
        var id = NewId.Make<AccountId>();
        await Get<AccountStore>().Insert(act, new Sparekey.Core.Accounts.Account(id, "user", act.Now, Version: 1) { Groups = [.. groups] });
        return id;
    });

    /// <summary>Puts a policy in force, past all approval.</summary>
    public Task Use(PolicyDocument document) => inner.Write(async act =>
    {
        var version = (await Get<PolicyStore>().Current(act.Db, act.Tenant)).Version;
        return await Get<PolicyStore>().Add(act, version + 1, Policy.From(document).Value, Principal.LocalOperator);
    });

    public Task Use(params VelocityDocument[] limits) => Use(Document(limits: limits));

    public static PolicyDocument Document(
        RuleDocument[]? rules = null, VelocityDocument[]? limits = null, ChangesDocument? changes = null) =>
        new(RankOrder.Default.Roles, null, rules ?? [], limits, changes);

    public async Task<Result<IssuedSecret>> Open(Caller caller, AccountId account, Means means = Means.Link)
    {
        var opened = await Get<OpenRecovery>().Run(caller, new RecoveryOrder(new AccountName(account, null), means), null, CancellationToken.None);
        return opened.Refusal is { } refusal ? refusal : opened.Value.Fresh!;
    }

    public Task<Result<PolicyOutcome>> Write(Caller caller, PolicyDocument document, int version) =>
        Get<ChangePolicy>().Run(caller, document, version, CancellationToken.None);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
