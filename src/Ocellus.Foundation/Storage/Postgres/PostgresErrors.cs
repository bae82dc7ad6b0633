using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace Ocellus.Storage.Postgres;

/// <summary>The database does not answer now. Nothing is wrong with what was asked.</summary>
internal sealed class DatabaseAwayException(Exception inner) : DbException(PostgresErrors.Sentence(inner), inner)
{
    public override bool IsTransient => true;
}

/// <summary>Tells a database that is away from statements that failed.</summary>
internal static class PostgresErrors
{
    /// <summary>57P01 to 57P03: the server stops, has crashed, or starts. 53300: it has no connection left. 55P03: a lock was not had in time.</summary>
    private static readonly string[] _away = ["57P01", "57P02", "57P03", "53300"];

    public static bool IsAway(Exception failure) => failure switch
    {
        DatabaseAwayException => true,
        PostgresException answered => Array.IndexOf(_away, answered.SqlState) >= 0 || answered.SqlState.StartsWith("08", StringComparison.Ordinal),
        // Anything else that Npgsql reports is of the connection, not of the statement.
        NpgsqlException => true,
        SocketException or TimeoutException => true,
        _ => false,
    };

    /// <summary>
    /// The exception to throw instead; null to leave it as it is. On a connection that has broken, Npgsql may also throw what is none of a database.
    /// </summary>
    public static Exception? Translate(Exception failure, bool isBroken) =>
        failure is DatabaseAwayException ? null
        : IsAway(failure) || (isBroken && failure is InvalidOperationException or ObjectDisposedException or IOException) ? new DatabaseAwayException(failure)
        : null;

    /// <summary>What a failure says, as a sentence. Npgsql's messages hold neither the password nor rows.</summary>
    public static string Sentence(Exception failure)
    {
        var said = failure is PostgresException answered ? answered.MessageText : (failure.InnerException is SocketException inner ? inner : failure).Message;
        return $"{said.ReplaceLineEndings(" ").TrimEnd('.')}.";
    }
}
