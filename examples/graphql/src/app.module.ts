import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdentitySessionModule } from 'nestjs-identity-session';
import { AccountResolver } from './account.resolver.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL }),
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
    IdentitySessionModule.forRoot({
      cookie: { secure: process.env.NODE_ENV === 'production' },
      globalGuard: true, // resolvers too
    }),
  ],
  providers: [AccountResolver],
})
export class AppModule {}
