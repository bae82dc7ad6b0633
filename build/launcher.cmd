@echo off
setlocal
set ORT_DISABLE_TELEMETRY=1
set OCELLUS_COMMAND=ocellus
"%~dp0lib\Ocellus.exe" %*
exit /b %ERRORLEVEL%
