using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Answers to requests: one each. The message in it is encrypted to the person's device already, and sealed besides.</summary>
/// <param name="keys">Seals it.</param>
internal sealed class EscrowAnswerStore(KeyRing keys) : ISealed
{
    private const string Table = "escrow_answers";

    private static readonly SealedColumn[] Sealed = [new(Table, "sealed", KeyPurpose.EscrowAnswer)];

    /// <summary>The answer to a request; null where nobody has answered.</summary>
    public async Task<StoredEscrowAnswer?> Find(DbSession db, TenantId tenant, EscrowRequestId request) =>
        (await db.Find<Row>(
            """
            SELECT id AS Id, request_id AS Request, status AS Status, held AS Held, responder AS Responder, responder_key_id AS ResponderKey,
                sealed AS Sealed, created_at AS CreatedAt, modified_at AS ModifiedAt
            FROM escrow_answers WHERE tenant_id = @tenant AND request_id = @request
            """,
            new { tenant = tenant.ToString(), request = request.ToString() }))?.Read();

    /// <summary>Keeps an answer, in place of one that was held back.</summary>
    /// <param name="act">The act.</param>
    /// <param name="request">The request.</param>
    /// <param name="by">Who answers.</param>
    /// <param name="responderKey">The organisation key that it names.</param>
    /// <param name="data">The message; null for a rejection.</param>
    /// <param name="held">Whether it waits.</param>
    public async Task<EscrowAnswer> Put(Act act, EscrowRequestId request, Principal by, Guid responderKey, string? data, bool held)
    {
        await Delete(act, request);
        var id = NewId.Make<EntryId>().Value;
        var answer = new EscrowAnswer(id, request, data is not null, held, by.Id, responderKey, data, act.Now, act.Now);
        await Insert(
            act,
            new StoredEscrowAnswer(
                answer, by,
                data is null ? null : keys.Seal(KeyPurpose.EscrowAnswer, act.Tenant, Table, id.ToString("D"), Encoding.UTF8.GetBytes(data))));
        return answer;
    }

    /// <summary>Puts back an answer that another one took the place of in this act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="former">The answer as it was; null where there was none.</param>
    /// <param name="request">The request.</param>
    public async Task Restore(Act act, EscrowRequestId request, StoredEscrowAnswer? former)
    {
        await Delete(act, request);
        if (former is not null)
        {
            await Insert(act, former);
        }
    }

    /// <summary>Lets an answer go that was held back.</summary>
    public Task<int> Release(Act act, EscrowRequestId request) => act.Db.Execute(
        "UPDATE escrow_answers SET held = 0, modified_at = @now WHERE tenant_id = @tenant AND request_id = @request",
        new { tenant = act.Tenant.ToString(), request = request.ToString(), now = act.NowMs });

    /// <summary>Erases an answer's message; that there was one stays.</summary>
    public Task<int> Erase(Act act, EscrowRequestId request) => act.Db.Execute(
        "UPDATE escrow_answers SET sealed = NULL, modified_at = @now WHERE tenant_id = @tenant AND request_id = @request AND sealed IS NOT NULL",
        new { tenant = act.Tenant.ToString(), request = request.ToString(), now = act.NowMs });

    /// <summary>Deletes an answer that never left.</summary>
    public Task<int> Delete(Act act, EscrowRequestId request) => act.Db.Execute(
        "DELETE FROM escrow_answers WHERE tenant_id = @tenant AND request_id = @request",
        new { tenant = act.Tenant.ToString(), request = request.ToString() });

    /// <summary>An answer with its message, for the person's device and for the server that waits for it.</summary>
    public EscrowAnswer Open(TenantId tenant, StoredEscrowAnswer stored) => stored.Answer with
    {
        Data = stored.Sealed is null
            ? null
            : Encoding.UTF8.GetString(keys.Open(KeyPurpose.EscrowAnswer, tenant, Table, stored.Answer.Id.ToString("D"), stored.Sealed)),
    };

    /// <inheritdoc/>
    public Task<SealedPlace?> SealAgain(Act act, SealedPlace? after, int limit) => SealedRows.SealAgain(act, keys, Sealed, after, limit);

    private static Task<int> Insert(Act act, StoredEscrowAnswer stored) => act.Db.Execute(
        """
        INSERT INTO escrow_answers (tenant_id, id, request_id, status, held, responder, responder_key_id, sealed, created_at, modified_at)
        VALUES (@tenant, @id, @request, @status, @held, @responder, @key, @envelope, @created, @modified)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = stored.Answer.Id.ToString("D"),
            request = stored.Answer.Request.ToString(),
            status = WireName.Of(stored.Answer.IsApproved ? EscrowRequestStatus.Approved : EscrowRequestStatus.Rejected),
            held = stored.Answer.IsHeld ? 1 : 0,
            responder = StoredJson.Write(stored.By),
            key = stored.Answer.ResponderKey.ToString("D"),
            envelope = stored.Sealed,
            created = stored.Answer.CreatedAt.ToUnixTimeMilliseconds(),
            modified = stored.Answer.ModifiedAt.ToUnixTimeMilliseconds(),
        });

    private sealed record Row(
        string Id, string Request, string Status, long Held, string Responder, string ResponderKey, byte[]? Sealed, long CreatedAt, long ModifiedAt)
    {
        public StoredEscrowAnswer Read()
        {
            var by = StoredJson.Read<Principal>(Responder);
            return new StoredEscrowAnswer(
                new EscrowAnswer(
                    Guid.ParseExact(Id, "D"), Ids.Parse<EscrowRequestId>(Request),
                    WireName.Parse<EscrowRequestStatus>(Status) == EscrowRequestStatus.Approved, Held != 0, by.Id,
                    Guid.ParseExact(ResponderKey, "D"), null, DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt),
                    DateTimeOffset.FromUnixTimeMilliseconds(ModifiedAt)),
                by, Sealed);
        }
    }
}
