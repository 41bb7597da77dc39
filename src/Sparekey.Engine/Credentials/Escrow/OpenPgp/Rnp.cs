using System.Runtime.InteropServices;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// librnp's functions, as its header declares them. Each with a result returns a code, 0 for success; C's bool is one byte, size_t is
/// nuint. What it hands out is freed with <see cref="rnp_buffer_destroy"/>, secrets overwritten before.
/// </summary>
internal static unsafe partial class Rnp
{
    public const uint Success = 0;
    public const uint SignatureInvalid = 0x12000002;
    public const uint BadPassword = 0x12000004;
    public const uint KeyNotFound = 0x12000005;
    public const uint SignatureExpired = 0x1200000B;
    public const uint SignatureUnknown = 0x1200000D;

    public const uint LoadPublic = 1;
    public const uint LoadSecret = 2;
    public const uint ExportPublic = 2;
    public const uint ExportSecret = 4;
    public const uint ExportSubkeys = 8;
    public const uint IgnoreSignaturesOnDecrypt = 1;

    private const string Library = OpenPgpLibrary.Name;

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint rnp_version_string();

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_version();

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void rnp_buffer_destroy(nint buffer);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void rnp_buffer_clear(nint buffer, nuint size);

    // One context holds the keys of one operation.
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_ffi_create(out FfiHandle ffi, string publicFormat, string secretFormat);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_ffi_destroy(nint ffi);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_ffi_set_pass_provider(
        FfiHandle ffi, delegate* unmanaged[Cdecl]<nint, nint, nint, nint, byte*, nuint, byte> provider, void* context);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_set_timestamp(FfiHandle ffi, ulong time);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_load_keys(FfiHandle ffi, string format, InputHandle input, uint flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_locate_key(FfiHandle ffi, string type, string identifier, out KeyHandle key);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_identifier_iterator_create(FfiHandle ffi, out IteratorHandle iterator, string type);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_identifier_iterator_next(IteratorHandle iterator, out nint identifier);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_identifier_iterator_destroy(nint iterator);

    // Memory in and out.
    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_input_from_memory(out InputHandle input, byte* bytes, nuint length, [MarshalAs(UnmanagedType.U1)] bool copy);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_input_destroy(nint input);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_output_to_memory(out OutputHandle output, nuint most);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_output_memory_get_buf(
        OutputHandle output, out nint bytes, out nuint length, [MarshalAs(UnmanagedType.U1)] bool copy);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_output_destroy(nint output);

    // Keys.
    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_handle_destroy(nint key);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_export(KeyHandle key, OutputHandle output, uint flags);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_uid_count(KeyHandle key, out nuint count);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_uid_at(KeyHandle key, nuint index, out nint uid);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_primary_uid(KeyHandle key, out nint uid);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_subkey_count(KeyHandle key, out nuint count);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_subkey_at(KeyHandle key, nuint index, out KeyHandle subkey);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_alg(KeyHandle key, out nint algorithm);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_bits(KeyHandle key, out uint bits);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_fprint(KeyHandle key, out nint fingerprint);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_primary_fprint(KeyHandle key, out nint fingerprint);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_keyid(KeyHandle key, out nint keyId);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_allows_usage(KeyHandle key, string usage, [MarshalAs(UnmanagedType.U1)] out bool allows);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_creation(KeyHandle key, out uint seconds);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_get_expiration(KeyHandle key, out uint seconds);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_valid_till64(KeyHandle key, out ulong seconds);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_is_revoked(KeyHandle key, [MarshalAs(UnmanagedType.U1)] out bool revoked);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_is_protected(KeyHandle key, [MarshalAs(UnmanagedType.U1)] out bool isProtected);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_is_primary(KeyHandle key, [MarshalAs(UnmanagedType.U1)] out bool isPrimary);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_is_sub(KeyHandle key, [MarshalAs(UnmanagedType.U1)] out bool isSubkey);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_have_secret(KeyHandle key, [MarshalAs(UnmanagedType.U1)] out bool has);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_unprotect(KeyHandle key, byte* password);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_key_protect(KeyHandle key, byte* password, string cipher, string? mode, string hash, nuint iterations);

    // Making keys.
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_create(out GenerateHandle op, FfiHandle ffi, string algorithm);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_subkey_create(out GenerateHandle op, FfiHandle ffi, KeyHandle primary, string algorithm);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_set_bits(GenerateHandle op, uint bits);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_set_hash(GenerateHandle op, string hash);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_set_expiration(GenerateHandle op, uint seconds);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_add_usage(GenerateHandle op, string usage);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_set_userid(GenerateHandle op, string userId);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_add_pref_hash(GenerateHandle op, string hash);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_add_pref_cipher(GenerateHandle op, string cipher);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_execute(GenerateHandle op);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_get_key(GenerateHandle op, out KeyHandle key);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_generate_destroy(nint op);

    // Writing messages.
    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_create(out EncryptHandle op, FfiHandle ffi, InputHandle input, OutputHandle output);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_add_recipient(EncryptHandle op, KeyHandle key);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_add_signature(EncryptHandle op, KeyHandle key, out nint signature);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_set_hash(EncryptHandle op, string hash);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_set_creation_time(EncryptHandle op, uint seconds);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_add_password(EncryptHandle op, byte* password, string hash, nuint iterations, string cipher);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_set_armor(EncryptHandle op, [MarshalAs(UnmanagedType.U1)] bool armored);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_set_cipher(EncryptHandle op, string cipher);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_set_aead(EncryptHandle op, string algorithm);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_set_compression(EncryptHandle op, string algorithm, int level);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_execute(EncryptHandle op);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_encrypt_destroy(nint op);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_create(out SignHandle op, FfiHandle ffi, InputHandle input, OutputHandle output);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_add_signature(SignHandle op, KeyHandle key, out nint signature);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_set_compression(SignHandle op, string algorithm, int level);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_set_armor(SignHandle op, [MarshalAs(UnmanagedType.U1)] bool armored);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_set_hash(SignHandle op, string hash);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_set_creation_time(SignHandle op, uint seconds);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_execute(SignHandle op);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_sign_destroy(nint op);

    // Reading messages.
    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_create(out VerifyHandle op, FfiHandle ffi, InputHandle input, OutputHandle output);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_set_flags(VerifyHandle op, uint flags);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_execute(VerifyHandle op);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_get_signature_count(VerifyHandle op, out nuint count);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_get_signature_at(VerifyHandle op, nuint index, out nint signature);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_get_protection_info(
        VerifyHandle op, out nint mode, out nint cipher, [MarshalAs(UnmanagedType.U1)] out bool valid);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_signature_get_status(nint signature);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_signature_get_key(nint signature, out KeyHandle key);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_signature_get_times(nint signature, out uint created, out uint expires);

    [LibraryImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint rnp_op_verify_destroy(nint op);
}
